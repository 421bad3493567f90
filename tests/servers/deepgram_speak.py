"""Deepgram's text to speech on loopback: Aura at ``/v1/speak`` and Flux at ``/v2/speak``, both as requests and as sockets.

Messages are held against the types of ``deepgram-sdk`` both ways.
"""

from __future__ import annotations

import itertools
import json
import time
import warnings
from collections import deque
from typing import Any

from aiohttp import web

from mediaserver.clock import new_id
from tests.bridges.sdk import check
from tests.servers.streamed_speech import VoiceConnection, VoiceServer

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from deepgram.speak.v1 import types as v1
    from deepgram.speak.v2 import types as v2

MAX_CHARACTERS = 2_000
FLUSHES, WINDOW_S = 20, 60.0
_QUERY = {"model", "encoding", "sample_rate", "speed", "expressivity", "mip_opt_out", "container"}
_CONTROLS = {"pronunciations_applied": 0, "breaks_applied": 0, "pronunciation_warnings": 0}


class SpeakConnection(VoiceConnection):
    """A socket: Aura's words at ``/v1``, Flux' at ``/v2``."""

    async def begin(self) -> None:
        self.text = ""
        self.flushes: deque[float] = deque(maxlen=FLUSHES)
        self.sequence = itertools.count()
        self.flux = self.request.path == "/v2/speak"
        self.rate = int(self.request.query["sample_rate"])
        self.model = self.request.query["model"]
        self.produced_ms = self.cut = 0
        if self.flux:
            facts = {"model_name": self.model, "model_version": "1", "model_uuids": ["m"]}
            await self.send(check(v2.SpeakV2Connected, {"type": "Connected", "request_id": new_id("r"), **facts}))
        else:
            facts = {"model_name": self.model, "model_version": "1", "model_uuid": "m"}
            await self.send(check(v1.SpeakV1Metadata, {"type": "Metadata", "request_id": new_id("r"), **facts}))

    async def on_text(self, text: str) -> None:
        message = json.loads(text)
        await (self.on_flux if self.flux else self.on_aura)(message["type"], message)

    # --- Aura ---------------------------------------------------------------------------------------------------------

    async def on_aura(self, kind: str, message: dict[str, Any]) -> None:
        if kind == "Speak":
            self.text += check(v1.SpeakV1Text, message)["text"]
            assert len(self.text) <= MAX_CHARACTERS and not self.busy
        elif kind == "Flush":
            check(v1.SpeakV1Flush, message)
            await self.flush_aura()
        elif kind == "Clear":
            check(v1.SpeakV1Clear, message)
            self.cut += self.busy
            self.sim.count_left(self.busy)
            await self.interrupt()
            self.text = ""
            await self.answer(v1.SpeakV1Cleared, {"type": "Cleared", "sequence_id": next(self.sequence)})
        else:
            check(v1.SpeakV1Close, message)
            await self.close()

    async def flush_aura(self) -> None:
        now = time.monotonic()
        if len(self.flushes) == FLUSHES and now - self.flushes[0] < WINDOW_S:
            warning = {"type": "Warning", "description": "Too many flushes.", "code": "EXCESSIVE_FLUSH"}
            await self.answer(v1.SpeakV1Warning, warning)
            return
        self.flushes.append(now)
        text, self.text = self.text, ""
        self.begin_reply(self.say_aura(text))

    async def say_aura(self, text: str) -> None:
        async for piece in self.speech(text, self.rate):
            await self.send(piece.pcm)
        await self.answer(v1.SpeakV1Flushed, {"type": "Flushed", "sequence_id": next(self.sequence)})

    # --- Flux ---------------------------------------------------------------------------------------------------------

    async def on_flux(self, kind: str, message: dict[str, Any]) -> None:
        if kind == "Speak":
            self.text += check(v2.SpeakV2Speak, message)["text"]
            assert not self.busy
        elif kind == "Flush":
            check(v2.SpeakV2Flush, message)
            text, self.text = self.text, ""
            self.begin_reply(self.say_flux(text))
        elif kind == "Interrupt":
            check(v2.SpeakV2Interrupt, message)
            await self.interrupt_flux()
        else:
            check(v2.SpeakV2Close, message)
            await self.close()

    async def interrupt_flux(self) -> None:
        if not self.busy or not self.produced_ms:
            code = "NO_AUDIO_GENERATED" if self.busy else "NO_ACTIVE_SPEECH"
            await self.answer(v2.SpeakV2Warning, {"type": "Warning", "code": code, "description": "Nothing."})
            return
        self.cut += 1
        self.sim.count_left(1)
        await self.interrupt()
        told = {"type": "SpeechInterrupted", "audio_played_ms": self.produced_ms, "metadata": self.facts("")}
        await self.answer(v2.SpeakV2SpeechInterrupted, told)

    async def say_flux(self, text: str) -> None:
        self.speech_id = "dg_sp_0123456789ab"
        await self.answer(v2.SpeakV2SpeechStarted, {"type": "SpeechStarted", "speech_id": self.speech_id})
        await self.answer(v2.SpeakV2Flushed, {"type": "Flushed", "speech_id": self.speech_id})
        async for piece in self.speech(text, self.rate):
            self.produced_ms += len(piece.pcm) * 500 // self.rate
            await self.send(piece.pcm)
        await self.answer(v2.SpeakV2SpeechMetadata, {"type": "SpeechMetadata", **self.facts(text)})

    def facts(self, text: str) -> dict[str, Any]:
        counts = {"input_character_count": len(text), "billable_character_count": len(text)}
        return {
            "speech_id": self.speech_id,
            "audio_duration_ms": self.produced_ms,
            **counts,
            "controls_applied": _CONTROLS,
        }

    # --- both ---------------------------------------------------------------------------------------------------------

    async def answer(self, kind: Any, message: dict[str, Any]) -> None:
        await self.send(check(kind, message))


class DeepgramSpeakServer(VoiceServer):
    """Both versions behind one key."""

    path = "/v1/speak"
    connection = SpeakConnection

    def routes(self, app: web.Application) -> None:
        for path in ("/v1/speak", "/v2/speak"):
            app.router.add_get(path, self.door)
            app.router.add_post(path, self.whole)

    def admit(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") != f"Token {self.key}":
            return failure(401, "INVALID_AUTH")
        query = request.query
        flux = request.path == "/v2/speak"
        right = set(query) <= _QUERY and query["model"].startswith("flux-") == flux and query["encoding"] == "linear16"
        return None if right else failure(400, "Bad Request")

    async def whole(self, request: web.Request) -> web.StreamResponse:
        """Answer a request with its sound."""
        if (no := await self.turned_away(request)) is not None:
            return no
        body, query = await request.json(), dict(request.query)
        assert set(body) == {"text"} and len(body["text"]) <= MAX_CHARACTERS and query["container"] == "none"
        self.requests.append((request.path, query, body))
        rate = int(query["sample_rate"])
        return await self.stream(request, body["text"], rate, self.sound(body["text"], rate))


def failure(status: int, code: str) -> web.Response:
    """Return an error as the API reference writes it."""
    return web.json_response({"err_code": code, "err_msg": "It cannot be.", "request_id": "r"}, status=status)
