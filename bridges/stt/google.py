"""Google Cloud Speech-to-Text v2 over REST: files up to a minute, and the turns of a call.

Source: Cloud Speech-to-Text v2 REST reference; quotas and limits, "Content limits".
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace
from urllib.parse import quote

from bridges.google_auth import GoogleKey, GoogleToken, open_google_auth
from bridges.http import Http, Request, open_http
from bridges.refusals import said
from bridges.stt.asked import check
from bridges.stt.bounded import bounded
from bridges.stt.by_utterance import ByUtterance
from bridges.stt.google_wire import answer, question
from bridges.stt.options import Google
from mediaserver.errors import BridgeError, ConfigError
from mediaserver.items import Usage
from mediaserver.speech import FileAsk, FileFeature, FileLimits, FileTranscript, SoundFile

WHO = "Google's transcription"
MODEL = "chirp_3"
LIMITS = FileLimits(7_500_000, 60.0)
"""A minute; the request may have 10 MB, and base64 makes four bytes of three."""
FEATURES: frozenset[FileFeature] = frozenset({"words", "segments", "speakers", "language", "keywords"})


class GoogleTranscriber:
    """Satisfies :class:`mediaserver.speech.FileToText`; closing the iterator closes the request: the far end stops."""

    file_limits = LIMITS
    file_features = FEATURES

    def __init__(self, http: Http, auth: GoogleToken | GoogleKey, chosen: Google) -> None:
        project = chosen.project or auth.project
        if not project:
            raise ConfigError("project", "Google needs the name of the project")
        self._http, self._auth, self._chosen = http, auth, chosen
        self._path = (
            f"v2/projects/{quote(project, safe='')}/locations/{chosen.location}"
            f"/recognizers/{chosen.recognizer}:recognize"
        )

    async def warm(self) -> None:
        """Connect, and buy a token, ahead of the first request."""
        await self._http.warm()
        with suppress(BridgeError):
            await self._auth.headers()

    async def transcribe(self, sound: SoundFile, ask: FileAsk) -> AsyncGenerator[str | FileTranscript, None]:
        """Yield the whole transcript. Raises BridgeError."""
        check(ask, FEATURES, WHO)
        ask = ask if ask.language else replace(ask, language=self._chosen.language)
        body = question(sound, ask, self._chosen.model or MODEL)
        request = Request("POST", self._path, headers=await self._headers(), json=body)
        # Not asked whole: to leave early has to stop it.
        async with self._http.stream(request) as pieces, aclosing(bounded(pieces, WHO)) as told:
            transcript = answer(b"".join([piece async for piece in told]), ask)
        used = transcript.usage or Usage(seconds=sound.duration)
        yield replace(transcript, usage=used, duration=sound.duration)

    async def _headers(self) -> dict[str, str]:
        billed = self._chosen.billed_project
        return await self._auth.headers() | ({"X-Goog-User-Project": billed} if billed else {})


@asynccontextmanager
async def open_google(chosen: Google) -> AsyncIterator[ByUtterance]:
    """Open the connections to Google; they are kept alive between answers and closed with the context.

    Raises ConfigError: the credentials cannot be used.
    """
    host = "speech.googleapis.com" if chosen.location == "global" else f"{chosen.location}-speech.googleapis.com"
    async with (
        open_google_auth(chosen, chosen.credentials) as auth,
        open_http(chosen, f"https://{host}", headers={}, who=WHO, said=said) as http,
    ):
        yield ByUtterance(GoogleTranscriber(http, auth, chosen), chosen)
