"""ElevenLabs' text to speech on loopback: ``/stream``, ``/stream/with-timestamps``, multi-context sockets, voices.

Requests, messages and answers are held against the types of the ``elevenlabs`` SDK, so that neither side can drift from it.
The times of characters are those of the tones (see ``toned.py``): 220 ms a word and 80 ms the space after it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import warnings
from collections.abc import AsyncIterator
from typing import Any, get_args

from aiohttp import web

from tests.bridges.sdk import check
from tests.servers import toned
from tests.servers.form import posted
from tests.servers.streamed_speech import VoiceConnection, VoiceServer

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it names a class that websockets 14 calls legacy
    from elevenlabs.types import (
        AddVoiceIvcResponseModel,
        AudioOutputMulti,
        CloseContext,
        FinalOutputMulti,
        GetVoicesV2Response,
        InitializeConnectionMulti,
        SendTextMulti,
        StreamingAudioChunkWithTimestampsResponse,
        TextToSpeechOutputFormatEnum,
        VoiceSettings,
        WebsocketTtsClientMessageMulti,
    )

FORMATS = frozenset(get_args(get_args(TextToSpeechOutputFormatEnum)[0]))
CONTEXTS = 5
VOICE = "JBFqnCBsd6RMkjVDRZzb"
_BODY = {"text", "model_id", "language_code", "voice_settings", "previous_text"}
_QUERY = {"model_id", "output_format", "auto_mode", "sync_alignment", "inactivity_timeout", "language_code"}


def characters(text: str) -> list[tuple[str, float, float]]:
    """Return each character with the ms at which its sound begins and how long it lasts."""
    timed, at = [], 0.0
    for word in text.split():
        step = toned.WORD_MS / len(word)
        timed += [(each, at + step * index, step) for index, each in enumerate(word)]
        at += toned.WORD_MS
        timed.append((" ", at, float(toned.GAP_MS)))
        at += toned.GAP_MS
    return timed


class Context:
    """One text on its way."""

    def __init__(self) -> None:
        self.closing = False
        self.task: asyncio.Task[None] | None = None


class ContextsConnection(VoiceConnection):
    """One multi-context socket."""

    async def begin(self) -> None:
        self.contexts: dict[str, Context] = {}
        self.cut = 0
        query = self.request.query
        assert set(query) <= _QUERY, dict(query)
        self.rate = int(query["output_format"].removeprefix("pcm_"))
        if self.request.match_info["voice"] not in self.sim.voices:
            await self.fail("voice_id_does_not_exist")

    async def fail(self, error: str) -> None:
        await self.send({"message": "It cannot be.", "error": error, "code": 1008})
        await self.close(1008, error)

    async def on_text(self, text: str) -> None:
        message = check(WebsocketTtsClientMessageMulti, json.loads(text))
        name = message.get("context_id", "")
        if message.get("close_socket"):
            await self.close()
        elif message.get("close_context"):
            check(CloseContext, message)
            await self.close_context(name)
        elif name not in self.contexts:
            await self.open_context(name, message)
        else:
            check(SendTextMulti, message)
            assert message["text"].endswith(" ") and message["flush"] and query_is(self.request, "auto_mode", "true")
            self.contexts[name].task = self.start(self.generate(name, message["text"].strip()))

    async def open_context(self, name: str, message: dict[str, Any]) -> None:
        check(InitializeConnectionMulti, message)
        if len(self.contexts) == CONTEXTS:
            await self.fail("max_active_conversations")
        speed = message.get("voice_settings", {}).get("speed", 1.0)
        assert 0.7 <= speed <= 1.2
        self.contexts[name] = Context()

    async def close_context(self, name: str) -> None:
        """The first close lets a flushed text be said, another one cuts it."""
        context = self.contexts.get(name)
        if context is None:
            return
        if context.closing and context.task is not None and not context.task.done():
            context.task.cancel()
            self.cut += 1
            self.sim.count_left(1)
            await self.final(name)
        context.closing = True

    async def generate(self, name: str, text: str) -> None:
        sent, timed = 0.0, characters(text)
        async for piece in self.speech(text, self.rate):
            lasts = len(piece.pcm) / 2 / self.rate * 1000
            audio: dict[str, Any] = {"audio": base64.b64encode(piece.pcm).decode(), "contextId": name}
            if query_is(self.request, "sync_alignment", "true"):
                here = [each for each in timed if sent <= each[1] < sent + lasts]
                audio["alignment"] = {
                    "chars": [each[0] for each in here],
                    "charStartTimesMs": [int(each[1] - sent) for each in here],
                    "charDurationsMs": [int(each[2]) for each in here],
                }
            await self.send(check(AudioOutputMulti, audio))
            sent += lasts
        await self.final(name)

    async def final(self, name: str) -> None:
        if self.contexts.pop(name, None) is not None:
            await self.send(check(FinalOutputMulti, {"isFinal": True, "contextId": name}))


def query_is(request: web.Request, name: str, value: str) -> bool:
    """Say whether a parameter has this value."""
    return request.query.get(name) == value


class ElevenLabsSpeechServer(VoiceServer):
    """``voices`` are those of the account; ``samples`` what was uploaded."""

    path = "/v1/text-to-speech/{voice}/multi-stream-input"
    connection = ContextsConnection

    def __init__(self, **told: Any) -> None:
        super().__init__(**told)
        self.voices: dict[str, dict[str, Any]] = {
            VOICE: {"name": "George", "labels": {"gender": "male", "language": "en"}}
        }
        self.samples: list[tuple[str, int]] = []

    def routes(self, app: web.Application) -> None:
        super().routes(app)
        app.router.add_post("/v1/text-to-speech/{voice}/stream", self.plain)
        app.router.add_post("/v1/text-to-speech/{voice}/stream/with-timestamps", self.timed)
        app.router.add_get("/v2/voices", self.list_voices)
        app.router.add_post("/v1/voices/add", self.add_voice)
        app.router.add_delete("/v1/voices/{voice}", self.delete_voice)

    def admit(self, request: web.Request) -> web.Response | None:
        if request.headers.get("xi-api-key") != self.key:
            return failure(401, "invalid_api_key")
        if request.path.endswith("multi-stream-input"):
            fits = request.query["output_format"] in FORMATS and request.query["model_id"] != "eleven_v3"
            return None if fits else failure(403, "unsupported")
        return None

    async def plain(self, request: web.Request) -> web.StreamResponse:
        """Answer ``/stream``."""
        if (no := await self.turned_away(request)) is not None:
            return no
        text, rate = await self.asked(request)
        return await self.stream(request, text, rate, self.sound(text, rate))

    async def timed(self, request: web.Request) -> web.StreamResponse:
        """Answer ``/stream/with-timestamps``."""
        if (no := await self.turned_away(request)) is not None:
            return no
        text, rate = await self.asked(request)
        return await self.stream(request, text, rate, self.lines(text, rate))

    async def asked(self, request: web.Request) -> tuple[str, int]:
        body, query = await request.json(), dict(request.query)
        assert set(body) <= _BODY and set(query) == {"output_format"}, (body, query)
        check(VoiceSettings, body.get("voice_settings", {}))
        self.requests.append((request.path, query, body))
        return body["text"], int(query["output_format"].removeprefix("pcm_"))

    async def lines(self, text: str, rate: int) -> AsyncIterator[bytes]:
        sent, timed = 0.0, characters(text)[:-1]
        async for pcm in self.sound(text, rate):
            lasts = len(pcm) / 2 / rate * 1000
            here = [each for each in timed if sent <= each[1] < sent + lasts]
            alignment = {
                "characters": [each[0] for each in here],
                "character_start_times_seconds": [each[1] / 1000 for each in here],
                "character_end_times_seconds": [(each[1] + each[2]) / 1000 for each in here],
            }
            line = {
                "audio_base64": base64.b64encode(pcm).decode(),
                "alignment": alignment,
                "normalized_alignment": None,
            }
            yield json.dumps(check(StreamingAudioChunkWithTimestampsResponse, line)).encode() + b"\n"
            sent += lasts

    async def list_voices(self, request: web.Request) -> web.Response:
        """Answer ``GET /v2/voices`` page by page."""
        if (no := await self.turned_away(request)) is not None:
            return no
        at, size = int(request.query.get("next_page_token", 0)), int(request.query["page_size"])
        assert size <= 100
        found = [{"voice_id": name, **facts} for name, facts in self.voices.items()]
        page = {"voices": found[at : at + size], "has_more": at + size < len(found), "total_count": 0}
        return web.json_response(check(GetVoicesV2Response, page | {"next_page_token": str(at + size)}))

    async def add_voice(self, request: web.Request) -> web.Response:
        """Answer ``POST /v1/voices/add``, a form with ``name``, ``files`` and perhaps a ``description``."""
        if (no := await self.turned_away(request)) is not None:
            return no
        form = await posted(request)
        assert set(form) <= {"name", "files", "description"}
        for file in form.getall("files"):
            assert isinstance(file, web.FileField)
            self.samples.append((file.filename, len(file.file.read())))
        voice = f"made-{len(self.voices)}"
        self.voices[voice] = {"name": form["name"]}
        return web.json_response(check(AddVoiceIvcResponseModel, {"voice_id": voice, "requires_verification": False}))

    async def delete_voice(self, request: web.Request) -> web.Response:
        """Answer ``DELETE /v1/voices/{voice}``."""
        if (no := await self.turned_away(request)) is not None:
            return no
        if self.voices.pop(request.match_info["voice"], None) is None:
            return failure(404, "voice_not_found")
        return web.json_response({"status": "ok"})


def failure(status: int, code: str) -> web.Response:
    """Return an error as the API reference writes it."""
    return web.json_response({"detail": {"status": code, "message": "It cannot be."}}, status=status)
