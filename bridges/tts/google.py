"""Google Cloud Text-to-Speech over REST: each answer comes whole, so a long text is asked for in parts.

Source: Google Cloud Text-to-Speech v1, ``text:synthesize`` and ``voices.list``; its page "Quotas and limits" (5,000 bytes).
Only gRPC streams.
"""

from __future__ import annotations

import binascii
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec

from bridges.google_auth import GoogleKey, GoogleToken, open_google_auth
from bridges.http import Http, Request, open_http
from bridges.refusals import said
from bridges.tts.incoming import Incoming
from bridges.tts.locales import chosen as chosen_voice
from bridges.tts.locales import locale_of
from bridges.tts.rest_options import GoogleVoice
from bridges.tts.texts import parts, size_in_bytes
from mediaserver.errors import BridgeError
from mediaserver.speech import PLAIN, Manner, Sound, VoiceFacts

URL = "https://texttospeech.googleapis.com/v1"
LIMIT = 5000
"""Bytes that one request may hold."""
PART = 1000
"""Bytes asked for at once: about a minute of speech. Nothing of an answer can be heard before all of it is made."""
MAX_ANSWER = 48 * 1024 * 1024
"""Bytes of such an answer: four minutes of the slowest speech at 48 kHz."""
VOICES = (
    *("en-US-Chirp3-HD-Charon", "en-US-Chirp3-HD-Kore", "en-US-Chirp3-HD-Puck", "en-US-Chirp3-HD-Aoede"),
    *("en-US-Chirp3-HD-Fenrir", "en-US-Chirp3-HD-Leda", "en-US-Chirp3-HD-Orus", "en-US-Chirp3-HD-Zephyr"),
)
"""A few of several hundred; ``list_voices`` asks for all of them."""
GEMINI_VOICES = ("Charon", "Kore", "Puck", "Aoede", "Fenrir", "Leda", "Orus", "Zephyr")
_SPEEDS = (0.25, 2.0)
_NUMBERS = {"pitch": (-20.0, 20.0), "volumeGainDb": (-96.0, 16.0)}
MAX_LIST = 8 * 1024 * 1024

_Kind = TypeVar("_Kind")


class _Answer(msgspec.Struct, rename="camel"):
    audio_content: str


class _Voice(msgspec.Struct, rename="camel"):
    name: str
    language_codes: tuple[str, ...] = ()
    ssml_gender: str = ""


class _Voices(msgspec.Struct):
    voices: tuple[_Voice, ...] = ()


class GoogleSpeech:
    """Satisfies :class:`mediaserver.speech.TextToSpeech` and ``VoiceList``.

    Of the manner's settings it knows ``pitch``, ``volumeGainDb`` and ``effectsProfileId``; instructions are a ``prompt``,
    which only Gemini-TTS models take.
    """

    def __init__(self, http: Http, auth: GoogleToken | GoogleKey, chosen: GoogleVoice) -> None:
        self._http, self._auth, self._chosen = http, auth, chosen

    @property
    def rate(self) -> int:
        """Hz."""
        return self._chosen.rate

    @property
    def voices(self) -> tuple[str, ...]:
        """Those of the configuration, else a few; others are known by their names too."""
        return self._chosen.voices or (GEMINI_VOICES if self._chosen.model else VOICES)

    async def warm(self) -> None:
        """Have a token and a connection ahead of the first request. Raises BridgeError: there is no token to be had."""
        await self._auth.headers()
        await self._http.warm()

    async def list_voices(self) -> Sequence[VoiceFacts]:
        """Ask for the voices of the service. Raises BridgeError."""
        request = Request("GET", "voices", headers=await self._headers())
        told = _read(await self._http.ask(request, limit=MAX_LIST), _Voices)
        return [
            VoiceFacts(voice.name, voice.name, voice.language_codes, voice.ssml_gender.lower() or None)
            for voice in told.voices
        ]

    async def speak(
        self, text: str, *, voice: str = "", speed: float = 1.0, manner: Manner = PLAIN
    ) -> AsyncGenerator[Sound, None]:
        """Yield the sound of part after part. Closing the iterator closes the request. Raises BridgeError.

        ``speed`` 0.25 to 2; what lies beyond is taken as the nearest of these.
        """
        for part in parts(text, PART, size_in_bytes):
            asked = self._asked(part, voice, speed, manner)
            request = Request("POST", "/text:synthesize", headers=await self._headers(), json=asked)
            incoming = Incoming(self.rate, None)
            pcm = incoming.feed(_sound(await self._http.ask(request, limit=MAX_ANSWER)))
            yield Sound(pcm + incoming.finish())

    async def _headers(self) -> Mapping[str, str]:
        project = self._chosen.project or self._auth.project
        return {**await self._auth.headers(), **({"x-goog-user-project": project} if project else {})}

    def _asked(self, text: str, asked: str, speed: float, manner: Manner) -> dict[str, Any]:
        voice, model = self._voice(asked), self._chosen.model
        language = locale_of(voice) or manner.language or self._chosen.language or "en-US"
        prompt = manner.instructions.encode()[: LIMIT - PART].decode(errors="ignore") if model else ""
        return {
            "input": {"text": text, **({"prompt": prompt} if prompt else {})},
            "voice": {"languageCode": language, "name": voice, **({"modelName": model} if model else {})},
            "audioConfig": self._audio(speed, manner.settings),
        }

    def _voice(self, asked: str) -> str:
        if self._chosen.model:
            return asked if asked in self.voices else self.voices[0]
        return chosen_voice(asked, self.voices)

    def _audio(self, speed: float, settings: Mapping[str, Any]) -> dict[str, Any]:
        audio: dict[str, Any] = {"audioEncoding": "LINEAR16", "sampleRateHertz": self.rate}
        if speed != 1.0:
            audio["speakingRate"] = _within(speed, _SPEEDS)
        for name, bounds in _NUMBERS.items():
            if isinstance(settings.get(name), int | float):
                audio[name] = _within(settings[name], bounds)
        effects = settings.get("effectsProfileId", self._chosen.effects)
        if isinstance(effects, list | tuple) and effects:
            audio["effectsProfileId"] = [str(each) for each in effects]
        return audio


def _within(value: float, bounds: tuple[float, float]) -> float:
    return min(bounds[1], max(bounds[0], value))


def _sound(body: bytes) -> bytes:
    try:
        return binascii.a2b_base64(_read(body, _Answer).audio_content, strict_mode=True)
    except (binascii.Error, ValueError):
        raise BridgeError("the voice sent no sound", code="protocol_error") from None


def _read(body: bytes, kind: type[_Kind]) -> _Kind:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise BridgeError("the voice sent what is none of its answers", code="protocol_error") from None


@asynccontextmanager
async def open_google(chosen: GoogleVoice) -> AsyncIterator[GoogleSpeech]:
    """Open Google's voices. Raises ConfigError: the credentials are none."""
    async with (
        open_google_auth(chosen, chosen.credentials) as auth,
        open_http(chosen, URL, headers={}, who="the voice", said=said) as http,
    ):
        yield GoogleSpeech(http, auth, chosen)
