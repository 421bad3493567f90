"""ElevenLabs as an engine that speaks: which way a text goes, and the sound that comes back."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from urllib.parse import quote

from bridges.address import address
from bridges.elevenlabs.dial import API
from bridges.http import Http, Request, open_http
from bridges.link import Target
from bridges.tts.elevenlabs import voices
from bridges.tts.elevenlabs.contexts import Contexts
from bridges.tts.elevenlabs.failures import said
from bridges.tts.elevenlabs.models import RATES_OF_SOCKETS, language, model
from bridges.tts.elevenlabs.settings import body, voice_settings
from bridges.tts.elevenlabs.timed import Timed
from bridges.tts.incoming import Incoming
from bridges.tts.joined import joined
from bridges.tts.retried import RESERVE, retried
from bridges.tts.sockets import Dial, Sockets, open_sockets
from bridges.tts.spoken import spoken
from bridges.tts.streaming_options import ElevenLabsSpeech
from bridges.tts.texts import parts
from bridges.tts.wire import Ask
from mediaserver.breaker import RetryBudget
from mediaserver.speech import PLAIN, Manner, Sound, SoundFile, VoiceFacts

DEFAULT = "JBFqnCBsd6RMkjVDRZzb"
"""The voice of ElevenLabs' own examples ("George")."""
MAX_LEARNT = 2_000
"""Voices of the account that are remembered."""
_INACTIVITY_S = 180
"""The longest that ElevenLabs keeps a socket on which nothing is sent; ours are closed before (``idle_s``)."""


class ElevenLabsVoice:
    """Satisfies :class:`mediaserver.speech.TextToSpeech`, ``VoiceList`` and ``VoiceCloning``."""

    def __init__(self, chosen: ElevenLabsSpeech, http: Http, sockets: Sockets) -> None:
        self._chosen, self._http, self._sockets = chosen, http, sockets
        self._model = model(chosen.model)
        self._live = chosen.transport == "websocket" and self._model.contexts and chosen.rate in RATES_OF_SOCKETS
        self._known = chosen.voices or (DEFAULT,)
        self._next = self._url(self._known[0], "")
        self._learnt: dict[str, None] = {}
        self._budget = RetryBudget(reserve=RESERVE)

    @property
    def rate(self) -> int:
        """Hz."""
        return self._chosen.rate

    @property
    def voices(self) -> tuple[str, ...]:
        """The ids that are configured; without such, also those that the account was seen to have."""
        return self._chosen.voices or tuple(dict.fromkeys((*self._known, *self._learnt)))

    async def warm(self) -> None:
        """Open a connection like the last one ahead of the first text; a failure is left to that text."""
        if self._live:
            self._sockets.warm(self._next)
        else:
            await self._http.warm()

    async def speak(
        self, text: str, *, voice: str = "", speed: float = 1.0, manner: Manner = PLAIN
    ) -> AsyncGenerator[Sound, None]:
        """Yield the sound of a text as it is made. Closing it stops ElevenLabs. Raises BridgeError.

        Of ``manner`` the language, the settings of the voice and (over HTTP) what was said before are used.
        """
        chosen = (
            voice if voice in self._known or (voice in self._learnt and not self._chosen.voices) else self._known[0]
        )
        settings = voice_settings(self._chosen.settings, manner.settings, speed)
        tongue = language(manner.language, self._model)

        def over_socket(part: str, _before: str) -> AsyncGenerator[Sound, None]:
            self._next = self._url(chosen, tongue)
            return self._sockets.speak(self._next, Ask(part, settings))

        def over_http(part: str, before: str) -> AsyncGenerator[Sound, None]:
            asked = body(part, self._chosen.model, settings=settings, language=tongue, before=before)
            request = Request("POST", self._path(chosen), params=self._format(), json=asked)
            return retried(lambda _again: self._answer(request), self._budget, refusals=False)

        one = over_socket if self._live else over_http
        async with aclosing(joined(parts(text, self._model.characters), manner.before, one, self.rate)) as sounds:
            async for sound in sounds:
                yield sound

    async def list_voices(self) -> Sequence[VoiceFacts]:
        """Return the voices of the account, 2000 at most. Raises BridgeError."""
        found = await voices.list_voices(self._http)
        for each in found:
            self._learn(each.id)
        return found

    async def clone_voice(self, name: str, samples: Sequence[SoundFile], *, description: str = "") -> VoiceFacts:
        """Make an instant clone. Raises BridgeError."""
        made = await voices.clone(self._http, name, samples, description)
        self._learn(made.id)
        return made

    async def delete_voice(self, voice: str) -> None:
        """Forget a voice of the account. Raises BridgeError."""
        await voices.delete(self._http, voice)
        self._learnt.pop(voice, None)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _learn(self, voice: str) -> None:
        if len(self._learnt) < MAX_LEARNT:
            self._learnt[voice] = None

    def _url(self, voice: str, tongue: str) -> str:
        base = (self._chosen.url or API).rstrip("/")
        return address(
            f"{base}/v1/text-to-speech/{quote(voice, safe='')}/multi-stream-input",
            model_id=self._chosen.model,
            language_code=tongue,
            auto_mode="true",
            sync_alignment="true" if self._chosen.words else "",
            inactivity_timeout=str(_INACTIVITY_S),
            **self._format(),
        )

    def _path(self, voice: str) -> str:
        ending = "stream/with-timestamps" if self._chosen.words else "stream"
        return f"v1/text-to-speech/{quote(voice, safe='')}/{ending}"

    def _format(self) -> dict[str, str]:
        return {"output_format": f"pcm_{self.rate}"}

    def _answer(self, request: Request) -> AsyncGenerator[Sound, None]:
        if self._chosen.words:
            return self._timed(request)
        return spoken(self._http, (request,), lambda: Incoming(self.rate, self.rate))

    async def _timed(self, request: Request) -> AsyncGenerator[Sound, None]:
        timed = Timed(self.rate)
        async with self._http.stream(request) as pieces:
            async for piece in pieces:
                for sound in timed.feed(piece):
                    yield sound
        for sound in timed.end():
            yield sound


@asynccontextmanager
async def open_elevenlabs(chosen: ElevenLabsSpeech) -> AsyncIterator[ElevenLabsVoice]:
    """Open the engine; its sockets and connections are closed with it."""
    key = {"xi-api-key": chosen.key}
    dial = Dial(lambda url: Target(url, key), lambda _url: Contexts(chosen.rate))
    async with (
        open_http(chosen, API, headers=key, who="the voice", said=said) as http,
        open_sockets(dial, chosen) as pool,
    ):
        yield ElevenLabsVoice(chosen, http, pool)
