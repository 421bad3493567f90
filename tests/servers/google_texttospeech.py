"""Google Cloud Text-to-Speech on loopback; requests and answers are those of the official client's protocol buffers."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from google.cloud import texttospeech_v1 as google
from google.protobuf import json_format

from tests.servers.speaking import Speaking, serving, sound_of, wav

_VOICES = [
    {"languageCodes": ["en-US"], "name": "en-US-Chirp3-HD-Charon", "ssmlGender": "MALE", "naturalSampleRateHertz": 24000},
    {"languageCodes": ["de-DE"], "name": "de-DE-Neural2-F", "ssmlGender": "FEMALE", "naturalSampleRateHertz": 24000},
]  # fmt: skip


@dataclass
class GoogleServer(Speaking):
    """Every request is read as the service reads it: unknown names and wrong types fail."""

    async def synthesize(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        self.asked.append(asked)
        told = json_format.ParseDict(asked, google.SynthesizeSpeechRequest.pb()())
        assert 0 < len(told.input.text.encode()) + len(told.input.prompt.encode()) <= 5000
        rate = told.audio_config.sample_rate_hertz
        pcm = sound_of(told.input.text, rate)
        body = json_format.MessageToJson(
            google.SynthesizeSpeechResponse.pb()(audio_content=wav(pcm, rate, len(pcm))), indent=0
        )
        return await self.answer(request, body.encode(), "application/json; charset=UTF-8")

    async def list(self, request: web.Request) -> web.StreamResponse:
        answer = {"voices": _VOICES}
        json_format.ParseDict(answer, google.ListVoicesResponse.pb()())
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        return web.json_response(answer)


def answer_of(sound: bytes) -> bytes:
    """Return an answer with this in the place of its file."""
    return b'{"audioContent": "' + base64.b64encode(sound) + b'"}'


@asynccontextmanager
async def google_texttospeech(**told: Any) -> AsyncIterator[GoogleServer]:
    """Run it on a free port of 127.0.0.1."""
    server = GoogleServer(**told)

    def routes(router: web.UrlDispatcher) -> None:
        router.add_post("/v1/text:synthesize", server.synthesize)
        router.add_get("/v1/voices", server.list)

    async with serving(server, routes, "/v1"):
        yield server
