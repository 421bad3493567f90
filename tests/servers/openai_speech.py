"""``POST audio/speech`` on loopback: OpenAI, Azure OpenAI, Groq and compatible servers, and OpenAI's voices made of samples.

Requests and answers are validated with the types of the official SDKs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, get_type_hints

import groq.types.audio.speech_create_params as groq_speech
import openai.types.audio as openai_audio
from aiohttp import web
from openai.types.audio import SpeechCreateParams, VoiceConsentCreateParams
from openai.types.audio.voice_create_params import CreateVoiceRequestAudioSample
from pydantic import TypeAdapter

from tests.servers.form import posted
from tests.servers.speaking import Speaking, serving, sound_of, wav

Kind = Literal["openai", "groq", "compatible"]
_TYPES: dict[Kind, Any] = {
    "openai": SpeechCreateParams,
    "groq": groq_speech.SpeechCreateParams,
    "compatible": SpeechCreateParams,
}
_LIMITS: dict[Kind, int] = {"openai": 4096, "groq": 200, "compatible": 4096}
_CONTENT = {"pcm": "audio/pcm", "wav": "audio/wav"}


@dataclass
class SpeechServer(Speaking):
    """``sends`` is what comes whatever was asked for; ``made_at`` the rate of the sound, in Hz."""

    kind: Kind = "openai"
    made_at: int = 24000
    sends: Literal["", "pcm", "wav"] = ""
    voices: Any = None
    """The answer of ``GET audio/voices``; ``None``: there is no such address."""
    deleted: list[str] = field(default_factory=list)

    async def speech(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        self.asked.append(asked)
        validated(_TYPES[self.kind], asked, extra=self.kind == "compatible")
        assert 0 < len(asked["input"]) <= _LIMITS[self.kind]
        kind = self.sends or asked["response_format"]
        pcm = sound_of(asked["input"], self.made_at)
        return await self.answer(request, pcm if kind == "pcm" else wav(pcm, self.made_at), _CONTENT[kind])

    async def list(self, request: web.Request) -> web.Response:
        if self.voices is None:
            return web.json_response({"detail": "Not Found"}, status=404)
        return web.json_response(self.voices)

    async def consent(self, request: web.Request) -> web.Response:
        form = await self._form(request, VoiceConsentCreateParams)
        made = {"id": "cons_1", "created_at": 1, "object": "audio.voice_consent"}
        told = {**made, "language": form["language"], "name": form["name"]}
        openai_audio.VoiceConsent.model_validate(told)
        return web.json_response(told)

    async def voice(self, request: web.Request) -> web.Response:
        form = await self._form(request, CreateVoiceRequestAudioSample)
        told = {"id": "voice_1", "created_at": 1, "object": "audio.voice", "type": "audio_sample", "name": form["name"]}
        openai_audio.Voice.model_validate(told)
        return web.json_response(told)

    async def delete(self, request: web.Request) -> web.Response:
        self.deleted.append(request.match_info["voice"])
        told = {"id": request.match_info["voice"], "deleted": True, "object": "audio.voice.deleted"}
        openai_audio.VoiceDeleted.model_validate(told)
        return web.json_response(told)

    async def _form(self, request: web.Request, kind: Any) -> dict[str, Any]:
        form = await posted(request)
        told = {
            name: (part.filename, part.file.read(), part.content_type) if isinstance(part, web.FileField) else part
            for name, part in form.items()
        }
        hints = get_type_hints(kind)
        assert set(told) <= set(hints) and kind.__required_keys__ <= set(told)
        self.uploads.append(told)
        return told


def validated(kind: Any, asked: dict[str, Any], *, extra: bool = False) -> None:
    """Fail unless a request is what the SDK would send; ``extra``: it may have other fields too."""
    TypeAdapter(kind).validate_python(asked)
    assert extra or set(asked) <= set(get_type_hints(kind)), sorted(asked)


@asynccontextmanager
async def openai_speech(
    change: Callable[[SpeechServer], None] = lambda server: None, **told: Any
) -> AsyncIterator[SpeechServer]:
    """Run it; ``url`` is what a client of OpenAI's takes, but for Azure, whose resource is its host."""
    server = SpeechServer(**told)
    change(server)

    def routes(router: web.UrlDispatcher) -> None:
        for base in ("/v1", "/openai/v1", "/openai/deployments/my-tts"):
            router.add_post(f"{base}/audio/speech", server.speech)
        router.add_get("/v1/audio/voices", server.list)
        router.add_post("/v1/audio/voice_consents", server.consent)
        router.add_post("/v1/audio/voices", server.voice)
        router.add_delete("/v1/audio/voices/{voice}", server.delete)

    async with serving(server, routes, "/v1"):
        yield server
