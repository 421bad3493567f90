"""Deepgram as an engine that speaks: which way a text goes, and the sound that comes back."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from urllib.parse import urlsplit

from bridges.address import address
from bridges.http import Http, Request, open_http
from bridges.link import Target
from bridges.tts.deepgram.failures import said
from bridges.tts.deepgram.requests import MAX_CHARACTERS, path, query
from bridges.tts.deepgram.turns import AURA, FLUX, Turns
from bridges.tts.deepgram.voices import listed
from bridges.tts.incoming import Incoming
from bridges.tts.joined import joined
from bridges.tts.retried import RESERVE, retried
from bridges.tts.sockets import Dial, Sockets, open_sockets
from bridges.tts.spoken import spoken
from bridges.tts.streaming_options import DeepgramSpeech
from bridges.tts.texts import parts
from bridges.tts.wire import Ask
from mediaserver.breaker import RetryBudget
from mediaserver.speech import PLAIN, Manner, Sound, VoiceFacts

API = "https://api.deepgram.com"
DEFAULT = "aura-2-thalia-en"


class DeepgramVoice:
    """Satisfies :class:`mediaserver.speech.TextToSpeech` and ``VoiceList``."""

    def __init__(self, chosen: DeepgramSpeech, http: Http, sockets: Sockets) -> None:
        self._chosen, self._http, self._sockets = chosen, http, sockets
        self._live = chosen.transport == "websocket"
        self._voices = chosen.voices or (DEFAULT, *(each.id for each in listed() if each.id != DEFAULT))
        self._next = self._url(self._voices[0], 1.0, PLAIN)
        self._budget = RetryBudget(reserve=RESERVE)

    @property
    def rate(self) -> int:
        """Hz."""
        return self._chosen.rate

    @property
    def voices(self) -> tuple[str, ...]:
        """The voices that are configured, else those of the documentation."""
        return self._voices

    async def warm(self) -> None:
        """Open a connection like the last one ahead of the first text; a failure is left to that text."""
        if self._live:
            self._sockets.warm(self._next)
        else:
            await self._http.warm()

    async def speak(
        self, text: str, *, voice: str = "", speed: float = 1.0, manner: Manner = PLAIN
    ) -> AsyncGenerator[Sound, None]:
        """Yield the sound of a text as it is made. Closing it stops Deepgram. Raises BridgeError.

        Of ``manner`` Flux takes ``expressivity`` (-2 to 2).
        """
        chosen = voice if voice in self._voices else self._voices[0]

        def over_socket(part: str, _before: str) -> AsyncGenerator[Sound, None]:
            self._next = self._url(chosen, speed, manner)
            return self._sockets.speak(self._next, Ask(part))

        def over_http(part: str, _before: str) -> AsyncGenerator[Sound, None]:
            params = query(self._chosen, chosen, speed, manner.settings) | {"container": "none"}
            request = Request("POST", path(chosen), params=params, json={"text": part})
            return retried(lambda _again: self._answer(request), self._budget, refusals=False)

        one = over_socket if self._live else over_http
        async with aclosing(joined(parts(text, MAX_CHARACTERS), "", one, self.rate)) as sounds:
            async for sound in sounds:
                yield sound

    async def list_voices(self) -> Sequence[VoiceFacts]:
        """Return the voices of the documentation."""
        return listed()

    # --- inside -------------------------------------------------------------------------------------------------------

    def _url(self, voice: str, speed: float, manner: Manner) -> str:
        base = (self._chosen.url or API).rstrip("/")
        return address(f"{base}/{path(voice)}", **query(self._chosen, voice, speed, manner.settings))

    def _answer(self, request: Request) -> AsyncGenerator[Sound, None]:
        return spoken(self._http, (request,), lambda: Incoming(self.rate, self.rate))


def _wire(url: str) -> Turns:
    return Turns(FLUX if urlsplit(url).path.endswith("v2/speak") else AURA)


@asynccontextmanager
async def open_deepgram(chosen: DeepgramSpeech) -> AsyncIterator[DeepgramVoice]:
    """Open the engine; its sockets and connections are closed with it."""
    key = {"Authorization": f"Token {chosen.key}"}
    dial = Dial(lambda url: Target(url, key), _wire)
    async with (
        open_http(chosen, API, headers=key, who="the voice", said=said) as http,
        open_sockets(dial, chosen) as pool,
    ):
        yield DeepgramVoice(chosen, http, pool)
