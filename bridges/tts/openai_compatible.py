"""Any voice behind ``POST audio/speech`` in OpenAI's shape, streamed: Azure OpenAI, Groq, Kokoro and others.

Source: OpenAI API reference, "Create speech"; Azure OpenAI reference; Groq's text-to-speech guide.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import msgspec

from bridges.http import Http, Request, open_http
from bridges.refusals import said
from bridges.tts.incoming import Incoming
from bridges.tts.presets import AZURE, COMPATIBLE, GROQ, Preset
from bridges.tts.rest_options import AzureVoice, CompatibleVoice, GroqVoice, SpeechEndpoint
from bridges.tts.spoken import spoken
from bridges.tts.texts import parts
from bridges.tts.voice_list import told_voices
from mediaserver.errors import BridgeError
from mediaserver.speech import PLAIN, Manner, Sound, VoiceFacts

_DIRECTION_WORDS, _DIRECTION_CHARS = 3, 40
"""A manner of at most so many words is a direction; a longer one is no help to a model that was trained on those."""
_NO_ADDRESS = frozenset({"model_not_found", "refused"})
"""404 and 405: a server that makes speech and does not tell its voices."""
_ANY = "alloy"
"""The voice for a server that told none; most know OpenAI's names too."""


class SpeechVoice:
    """Satisfies :class:`mediaserver.speech.TextToSpeech` and ``VoiceList``."""

    def __init__(
        self, http: Http, preset: Preset, chosen: SpeechEndpoint, params: Mapping[str, str] | None = None
    ) -> None:
        self._http, self._preset, self._chosen, self._params = http, preset, chosen, params
        self._model = chosen.model or preset.model
        self._voices = tuple(VoiceFacts(name, name) for name in chosen.voices or preset.voices_of(self._model))

    @property
    def rate(self) -> int:
        """Hz."""
        return self._chosen.rate

    @property
    def voices(self) -> tuple[str, ...]:
        """Those of the configuration, else those that the server told when it was opened, else the documented ones."""
        return tuple(voice.id for voice in self._voices)

    async def warm(self) -> None:
        """Open a connection ahead of the first request."""
        await self._http.warm()

    async def list_voices(self) -> Sequence[VoiceFacts]:
        """Ask the server, where it can tell; else return what is documented or configured. Raises BridgeError."""
        if not self._preset.lists or self._chosen.voices:
            return self._voices
        try:
            told = told_voices(await self._http.ask(Request("GET", "audio/voices")))
        except BridgeError as failure:
            if failure.code not in _NO_ADDRESS:
                raise
            return self._voices
        self._voices = told or self._voices
        return self._voices

    async def speak(
        self, text: str, *, voice: str = "", speed: float = 1.0, manner: Manner = PLAIN
    ) -> AsyncGenerator[Sound, None]:
        """Yield the sound as it comes. Closing the iterator closes the request. Raises BridgeError.

        ``speed`` beyond what the server takes is taken as the nearest of it.
        """
        asked = {**self._asked(voice, speed, manner), **self._chosen.extra}
        direction = self._direction(manner)
        requests = (
            Request("POST", "audio/speech", params=self._params, json={**asked, "input": direction + part})
            for part in parts(text, self._preset.limit - len(direction))
        )
        made = spoken(self._http, requests, lambda: Incoming(self.rate, self._preset.pcm_rate))
        async with aclosing(made) as sounds:
            async for sound in sounds:
                yield sound

    def _asked(self, voice: str, speed: float, manner: Manner) -> dict[str, Any]:
        slowest, fastest = self._preset.speeds
        asked: dict[str, Any] = {
            "model": self._model,
            "voice": self._voice(voice),
            "response_format": self._preset.response_format,
        }
        if speed != 1.0:
            asked["speed"] = min(fastest, max(slowest, speed))
        if manner.instructions and self._takes_instructions():
            asked["instructions"] = manner.instructions
        return {**{name: manner.settings[name] for name in self._chosen.settings if name in manner.settings}, **asked}

    def _voice(self, asked: str) -> str | dict[str, str]:
        known = self.voices
        own = self._preset.own
        any_of_them = self._preset.any_voice or not known or (own and asked.startswith(own))
        name = asked if asked and (asked in known or any_of_them) else next(iter(known), _ANY)
        return {"id": name} if own and name.startswith(own) else name

    def _takes_instructions(self) -> bool:
        return not self._preset.directions and not self._model.startswith(self._preset.plain)

    def _direction(self, manner: Manner) -> str:
        if not self._preset.directions:
            return ""
        words = str(manner.settings.get("direction") or manner.instructions).strip("[] .").split()
        direction = " ".join(words)
        fits = 0 < len(words) <= _DIRECTION_WORDS and len(direction) <= _DIRECTION_CHARS
        return f"[{direction}] " if fits else ""


@asynccontextmanager
async def open_azure(chosen: AzureVoice) -> AsyncIterator[SpeechVoice]:
    """Open the voice of an Azure resource."""
    resource = chosen.url.rstrip("/").removesuffix("/openai/v1")
    path = f"deployments/{quote(chosen.model, safe='')}" if chosen.api_version else "v1"
    headers = bearer(chosen.key) if chosen.bearer else {"api-key": chosen.key}
    told = msgspec.structs.replace(chosen, url=f"{resource}/openai/{path}")
    params = {"api-version": chosen.api_version} if chosen.api_version else None
    async with open_http(told, "", headers=headers, who="the voice", said=said) as http:
        yield SpeechVoice(http, AZURE, told, params)


@asynccontextmanager
async def open_groq(chosen: GroqVoice) -> AsyncIterator[SpeechVoice]:
    """Open Groq's voice."""
    async with open_http(chosen, GROQ.url, headers=bearer(chosen.key), who="the voice", said=said) as http:
        yield SpeechVoice(http, GROQ, chosen)


@asynccontextmanager
async def open_compatible(chosen: CompatibleVoice) -> AsyncIterator[SpeechVoice]:
    """Open the voice of any server; it is asked once for its voices, and one that is not there yet is no failure here."""
    pcm_rate = chosen.pcm_rate if chosen.response_format == "pcm" else None
    preset = replace(COMPATIBLE, pcm_rate=pcm_rate, limit=chosen.limit)
    async with open_http(chosen, "", headers=bearer(chosen.key), who="the voice", said=said) as http:
        voice = SpeechVoice(http, preset, chosen)
        try:
            async with asyncio.timeout(chosen.connect_s):
                await voice.list_voices()
        except (BridgeError, TimeoutError):
            pass  # speech will say what is wrong, if anything is
        yield voice


def bearer(key: str) -> dict[str, str]:
    """Return the header of a key, nothing without one."""
    return {"Authorization": f"Bearer {key}"} if key else {}
