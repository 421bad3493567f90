"""Deepgram's speech recognition on loopback: ``/v1/listen`` and Flux over WebSockets, and files.

Source: Deepgram API reference, "Live audio", "Turn-based audio (Flux)", "Pre-recorded audio". What is sent and answered is
held against the types and the calls of ``deepgram-sdk``.
"""

from __future__ import annotations

import asyncio
import json
import time
import warnings
from typing import Any

from aiohttp import web

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it names a class that websockets 14 calls legacy
    from deepgram.listen.v1 import types as v1
    from deepgram.listen.v1.client import V1Client
    from deepgram.listen.v1.media.client import MediaClient
    from deepgram.listen.v2 import types as v2
    from deepgram.listen.v2.client import V2Client
    from deepgram.types import ListenV1Response

from mediaserver.clock import new_id
from tests.bridges.sdk import check
from tests.servers.listening import Files, Listener, parameters, samples, words

V1, V2 = parameters(V1Client.connect), parameters(V2Client.connect)
FILE = parameters(MediaClient.transcribe_file)
MODEL = {"name": "nova-3", "version": "1", "arch": "nova-3"}
SOUND = {"encoding": "linear16", "sample_rate": "16000"}


class ListenV1(Listener):
    """``/v1/listen``."""

    async def begin(self) -> None:
        await super().begin()
        self.request_id = new_id("dg")
        self.heard_at = time.monotonic()
        self.segment_at = 0.0
        self.helpers.append(self.start(self._watch()))

    async def on_binary(self, data: bytes) -> None:
        self.heard_at = time.monotonic()
        await self.listen(data)

    def heard(self, edges: list[str]) -> None:
        if "stop" in edges:
            self._results(is_final=True, speech_final=True)
        elif self.every(0.5):
            self._results(is_final=False)

    async def on_text(self, text: str) -> None:
        self.heard_at = time.monotonic()
        message = json.loads(text)
        await _V1[message["type"]](self, message)

    async def _finalize(self, message: dict[str, Any]) -> None:
        check(v1.ListenV1Finalize, message)
        if self.segment.size >= self.sim.noticeable:
            self._results(is_final=True, from_finalize=True)

    async def _keep_alive(self, message: dict[str, Any]) -> None:
        check(v1.ListenV1KeepAlive, message)

    def _results(self, *, is_final: bool, speech_final: bool = False, from_finalize: bool = False) -> None:
        found = self.segment.words
        told = [
            {"word": w.text, "start": w.start, "end": w.end, "confidence": 0.9, "punctuated_word": w.text}
            for w in found
        ]
        said = " ".join(each.text for each in found)
        message = {
            "type": "Results",
            "channel_index": [0, 1],
            "start": self.segment_at,
            "duration": self.heard_s - self.segment_at,
            "is_final": is_final,
            "speech_final": speech_final,
            "from_finalize": from_finalize,
            "channel": {"alternatives": [{"transcript": said, "confidence": 0.9, "words": told}]},
            "metadata": {"request_id": self.request_id, "model_info": MODEL, "model_uuid": "m"},
        }
        self.tell(v1.ListenV1Results, message)
        if is_final:
            self.texts.append(said)
            self.segment_at = self.heard_s
            self.segment.clear()

    async def _watch(self) -> None:
        while time.monotonic() - self.heard_at < self.sim.patience_s:
            await asyncio.sleep(0.02)
        await self.close(1011, "NET-0001")


_V1 = {"Finalize": ListenV1._finalize, "KeepAlive": ListenV1._keep_alive}


class ListenV2(Listener):
    """``/v2/listen``: Flux, which ends turns by itself."""

    async def begin(self) -> None:
        await super().begin()
        self.request_id, self.sequence = new_id("dg"), 0
        self.turn = 0
        self.turn_at = 0.0
        self.open = self.eager = False
        self.tell(v2.ListenV2Connected, {"type": "Connected", **self._numbers()})

    def slow(self, message: dict[str, Any]) -> bool:
        return message["type"] != "Connected"

    async def on_binary(self, data: bytes) -> None:
        await self.listen(data)

    def heard(self, edges: list[str]) -> None:
        silent_ms = self.ear.heard_ms - self.ear._last_voiced
        if "stop" in edges and self.open:
            self._end("model")
        elif self.open and self.eager and silent_ms == 0:
            self.eager = False
            self._info("TurnResumed")
        elif self.open and not self.eager and silent_ms >= 240 and "eager_eot_threshold" in self.request.query:
            self.eager = True
            self._info("EagerEndOfTurn")
        elif self.every(0.25):
            self._update()

    def _update(self) -> None:
        starts = not self.open and bool(self.segment.text)
        self.open = self.open or starts
        self._info("StartOfTurn" if starts else "Update")

    async def on_text(self, text: str) -> None:
        check(v2.ListenV2ForceEndTurn, json.loads(text))
        self._update()
        if self.open:
            self._end("manual")

    def _end(self, trigger: str) -> None:
        self.texts.append(self.segment.text)
        self._info("EndOfTurn", trigger=trigger)
        self.turn += 1
        self.turn_at = self.heard_s
        self.open = self.eager = False
        self.segment.clear()

    def _info(self, event: str, **more: str) -> None:
        found = self.segment.words
        message = {
            "type": "TurnInfo",
            "event": event,
            "turn_index": self.turn,
            "audio_window_start": self.turn_at,
            "audio_window_end": self.heard_s,
            "transcript": " ".join(each.text for each in found),
            "words": [{"word": each.text, "confidence": 0.9} for each in found],
            "end_of_turn_confidence": 0.5,
            **self._numbers(),
            **more,
        }
        self.tell(v2.ListenV2TurnInfo, message)

    def _numbers(self) -> dict[str, Any]:
        self.sequence += 1
        return {"request_id": self.request_id, "sequence_id": self.sequence - 1}


class DeepgramListen(Files):
    """``noticeable`` is how many bytes ``Finalize`` has to find for an answer; ``patience_s`` how long nothing may come."""

    path = "/v1/listen"
    noticeable = 3200
    patience_s = 10.0

    def connection(self, sim: Any, request: web.Request, ws: web.WebSocketResponse) -> Listener:  # type: ignore[override]
        """Choose by the address."""
        return (ListenV2 if request.path.startswith("/v2") else ListenV1)(sim, request, ws)

    def routes(self, app: web.Application) -> None:
        super().routes(app)
        app.router.add_get("/v2/listen", self.door)
        app.router.add_post(self.path, self.file)

    def admit(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") != f"Token {self.key}":
            return web.json_response({"err_code": "INVALID_AUTH", "err_msg": "no"}, status=401)
        known = FILE if request.method == "POST" else V2 if request.path.startswith("/v2") else V1
        wrong = set(request.query) - known
        if request.method == "GET" and any(request.query.get(name) != value for name, value in SOUND.items()):
            wrong.add("encoding")
        if wrong or "model" not in request.query:
            return web.json_response({"category": "INVALID_QUERY", "message": f"{sorted(wrong)}"}, status=400)
        return None

    async def written(self, request: web.Request) -> bytes:
        asked = {name: request.query.getall(name) for name in request.query}
        self.asked.append({**asked, "content_type": request.content_type})
        pcm = samples(await request.read())
        answer = _answer(pcm, speakers="diarize_model" in asked, utterances="utterances" in asked)
        self.truth.bill("file", f"f{len(self.asked)}", seconds=len(pcm) / 32000)
        check(ListenV1Response, answer)
        return json.dumps(answer).encode()


def _answer(pcm: bytes, *, speakers: bool, utterances: bool) -> dict[str, Any]:
    who = {"speaker": 0} if speakers else {}
    told = [{"word": w.text, "start": w.start, "end": w.end, "confidence": 0.9, **who} for w in words(pcm)]
    said = " ".join(w["word"] for w in told)
    seconds = len(pcm) / 32000
    results: dict[str, Any] = {
        "channels": [
            {"alternatives": [{"transcript": said, "confidence": 0.9, "words": told}], "detected_language": "en"}
        ]
    }
    if utterances:
        results["utterances"] = [{"start": 0.0, "end": seconds, "transcript": said, "channel": 0, "id": "u", **who}]
    metadata = {
        "request_id": "r",
        "sha256": "s",
        "created": "2026-11-26T08:00:00Z",
        "duration": seconds,
        "channels": 1,
        "models": ["m"],
        "model_info": {"m": MODEL},
    }
    return {"metadata": metadata, "results": results}
