"""The providers of a chain, simulated with delays that never vary: speech-to-text, a language model, text-to-speech.

``python -m benchmarks.peers.stages PORT`` speaks OpenAI's ``/v1/audio/transcriptions`` (the answer comes 300 ms after the
whole body), ``/v1/chat/completions`` (streamed, the first token after 350 ms, the rest at once) and ``/v1/audio/speech``
(PCM at 24 kHz, the first byte after 150 ms, the rest at once), and Deepgram's ``/v1/listen`` (what was heard so far while
the voice comes, and the final text 300 ms after ``Finalize``). ``GET /marks`` tells when each was asked and answered.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Iterable
from typing import Any

import numpy as np
from aiohttp import WSMsgType, web

DELAYS_S = {"stt": 0.300, "llm": 0.350, "tts": 0.150}

QUESTION = "Can we sit by the window tonight?"
ANSWER = "Yes, table {number} is free. Shall I keep it for you until eight?"
"""Two sentences: what a voice is asked for first is the first of them. No two answers are alike, for sound may be kept."""

TONE_S, TONE_HZ, TONE_RATE, TONE_LEVEL = 0.4, 440, 24000, 8000
HEARD_RATE = 16000
LOUD = 200
"""Samples above it are voice; the caller's silence stays below."""
EVERY_S, WORD_S, LAG_S = 0.1, 0.25, 0.1
"""Interim results: how often, how much voice makes a word, and how far the last words lag behind the voice."""

_SPIN_S = 0.002
_ROOM = 1 << 20


class Marks:
    """When each stage was asked and when it answered, in seconds of ``perf_counter``; read once."""

    def __init__(self) -> None:
        self._marks: list[dict[str, Any]] = []

    async def wait(self, stage: str) -> None:
        """Return when this stage, asked now, has to answer."""
        asked = time.perf_counter()
        await _until(asked + DELAYS_S[stage])
        self._marks.append({"stage": stage, "asked": asked, "answered": time.perf_counter()})

    def taken(self) -> list[dict[str, Any]]:
        """Return them, and forget them."""
        taken, self._marks = self._marks, []
        return taken


async def _until(due: float) -> None:
    """Sleep, but for the last moment, which timers of whole milliseconds would miss."""
    await asyncio.sleep(max(0.0, due - time.perf_counter() - _SPIN_S))
    while time.perf_counter() < due:  # noqa: ASYNC110  # no event comes at that time
        await asyncio.sleep(0)


class Stages:
    """The addresses."""

    def __init__(self) -> None:
        self._marks = Marks()
        self._numbers = itertools.count(1)

    def application(self) -> web.Application:
        """Return the server."""
        app = web.Application(client_max_size=_ROOM * 16)
        app.router.add_post("/v1/audio/transcriptions", self.transcribe)
        app.router.add_post("/v1/chat/completions", self.write)
        app.router.add_post("/v1/audio/speech", self.speak)
        app.router.add_get("/v1/listen", self.listen)
        app.router.add_get("/marks", self.marks)
        app.router.add_get("/readyz", self.ready)
        return app

    async def transcribe(self, request: web.Request) -> web.Response:
        """Write down a file, whatever is said in it."""
        body = await request.read()
        if b"RIFF" not in body:
            return web.json_response({"error": {"message": "there is no WAV file in it"}}, status=400)
        await self._marks.wait("stt")
        return web.json_response({"text": QUESTION})

    async def write(self, request: web.Request) -> web.StreamResponse:
        """Answer, whatever is asked."""
        body = await request.json()
        usage = bool((body.get("stream_options") or {}).get("include_usage"))
        await self._marks.wait("llm")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for chunk in _chunks(ANSWER.format(number=next(self._numbers)), usage=usage):
            await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
        await response.write(b"data: [DONE]\n\n")
        return response

    async def speak(self, request: web.Request) -> web.StreamResponse:
        """Sound a tone."""
        await request.read()
        await self._marks.wait("tts")
        response = web.StreamResponse(headers={"Content-Type": "audio/pcm"})
        await response.prepare(request)
        await response.write(_tone())
        return response

    async def listen(self, request: web.Request) -> web.WebSocketResponse:
        """Write down as it comes."""
        wire = web.WebSocketResponse(compress=False)
        await wire.prepare(request)
        async with asyncio.TaskGroup() as tasks:
            listener = Listener(wire, self._marks)
            async for message in wire:
                if message.type is WSMsgType.BINARY:
                    await listener.hear(message.data)
                elif message.type is WSMsgType.TEXT and json.loads(message.data)["type"] == "Finalize":
                    tasks.create_task(listener.finalize())
        return wire

    async def marks(self, request: web.Request) -> web.Response:
        """Tell what was asked since the last time."""
        return web.json_response(self._marks.taken())

    async def ready(self, request: web.Request) -> web.Response:
        """Say that callers may come."""
        return web.Response()


class Listener:
    """One socket of ``/v1/listen``: PCM16 mono at 16 kHz."""

    def __init__(self, wire: web.WebSocketResponse, marks: Marks) -> None:
        self._wire, self._marks = wire, marks
        self._heard = self._voiced = self._quiet = self._from = 0.0
        self._told = 0.0

    async def hear(self, pcm: bytes) -> None:
        """Take sound, and tell from time to time what was said so far."""
        seconds = len(pcm) / 2 / HEARD_RATE
        loud = bool(np.abs(np.frombuffer(pcm, "<i2")).max(initial=0) > LOUD)
        self._heard += seconds
        self._voiced += seconds * loud
        self._quiet = 0.0 if loud else self._quiet + seconds
        if self._voiced and self._heard - self._told >= EVERY_S:
            self._told = self._heard
            await self._tell(self._so_far(), final=False)

    async def finalize(self) -> None:
        """Give the whole text when its time has come."""
        text = QUESTION if self._voiced else ""
        await self._marks.wait("stt")
        await self._tell(text, final=True)
        self._from, self._voiced = self._heard, 0.0

    def _so_far(self) -> str:
        words = QUESTION.split()
        whole = self._quiet >= LAG_S
        return QUESTION if whole else " ".join(words[: min(len(words) - 1, int(self._voiced / WORD_S))])

    async def _tell(self, text: str, *, final: bool) -> None:
        if self._wire.closed:
            return
        await self._wire.send_json(
            {
                "type": "Results",
                "channel_index": [0, 1],
                "start": self._from,
                "duration": self._heard - self._from,
                "is_final": final,
                "speech_final": False,
                "from_finalize": final,
                "channel": {"alternatives": [{"transcript": text, "confidence": 0.9, "words": []}]},
                "metadata": {"request_id": "r", "model_info": {}, "model_uuid": "m"},
            }
        )


def _chunks(text: str, *, usage: bool) -> Iterable[dict[str, Any]]:
    """Return the answer word by word, in the shape of chat.completion.chunk."""
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "stages"}
    for word in text.split():
        delta = {"role": "assistant", "content": f"{word} "}
        yield {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield {**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    if usage:
        yield {**base, "choices": [], "usage": {"prompt_tokens": 20, "completion_tokens": 14, "total_tokens": 34}}


def _tone() -> bytes:
    time_s = np.arange(int(TONE_S * TONE_RATE)) / TONE_RATE
    return (TONE_LEVEL * np.sin(2 * np.pi * TONE_HZ * time_s)).astype("<i2").tobytes()


def main(port: int) -> None:
    """Serve until the process is ended."""
    web.run_app(Stages().application(), host="127.0.0.1", port=port, print=None, access_log=None)


if __name__ == "__main__":
    main(int(sys.argv[1]))
