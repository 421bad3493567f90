"""A provider that answers turn by turn and costs little: OpenAI's Realtime events, and each turn said back as it was heard.

``python -m benchmarks.peers.turn_realtime PORT``. A turn ends after 200 ms without voice; its answer, as long as the
turn was, comes in deltas of 100 ms at four times the speed at which it is played: hosted models are ahead as well. The same
as an agent of Deepgram's: :mod:`benchmarks.peers.turn_agent`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from typing import Any

import numpy as np
import uvloop
from aiohttp import WSMsgType, web

BYTES_PER_MS = 48
"""PCM16 mono at 24 kHz."""

LOUD = 200
"""Samples above it are voice; the callers' silence stays below."""

QUIET_MS = 200
DELTA_MS, DELTA_EVERY_S = 100, 0.025

SESSION = {"type": "realtime", "id": "sess_1", "object": "realtime.session", "model": "turns"}


class Turn:
    """Notices where turns begin and end, and keeps what was said."""

    def __init__(self) -> None:
        self.said = bytearray()
        self._quiet_ms = 0

    def hear(self, pcm: bytes) -> str | None:
        """Take sound; say whether a turn ``started`` or ``stopped`` with it; what was ``said`` is without the silence."""
        if np.abs(np.frombuffer(pcm, "<i2")).max(initial=0) > LOUD:
            started = not self.said
            self.said += pcm
            self._quiet_ms = 0
            return "started" if started else None
        if not self.said:
            return None
        self.said += pcm
        self._quiet_ms += len(pcm) // BYTES_PER_MS
        if self._quiet_ms < QUIET_MS:
            return None
        del self.said[len(self.said) - self._quiet_ms * BYTES_PER_MS :]
        return "stopped"

    def taken(self) -> bytes:
        """Return the turn that stopped, and be ready for the next."""
        said, self.said, self._quiet_ms = bytes(self.said), bytearray(), 0
        return said


class Session:
    """One session: what it hears, and the answers that are being said."""

    def __init__(self, wire: web.WebSocketResponse) -> None:
        self._wire = wire
        self._turn = Turn()
        self._turns = 0
        self._answers: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until the other side leaves."""
        await self._tell("session.created", session=SESSION)
        async for message in self._wire:
            if message.type is WSMsgType.TEXT:
                await self._take(json.loads(message.data))
        for answer in self._answers:
            answer.cancel()

    async def _take(self, event: dict[str, Any]) -> None:
        if event["type"] == "session.update":
            await self._tell("session.updated", session=SESSION)
        elif event["type"] == "input_audio_buffer.append":
            await self._edge(self._turn.hear(base64.b64decode(event["audio"])))

    async def _edge(self, edge: str | None) -> None:
        item = f"item_{self._turns}"
        if edge == "started":
            await self._tell("input_audio_buffer.speech_started", item_id=item, audio_start_ms=0)
        elif edge == "stopped":
            await self._tell("input_audio_buffer.speech_stopped", item_id=item, audio_end_ms=0)
            await self._tell("input_audio_buffer.committed", item_id=item, previous_item_id=None)
            self._turns += 1
            self._answers.add(answer := asyncio.create_task(self._answer(self._turns, self._turn.taken())))
            answer.add_done_callback(self._answers.discard)

    async def _answer(self, number: int, pcm: bytes) -> None:
        response = {"id": f"resp_{number}", "object": "realtime.response", "status": "in_progress", "output": []}
        item = {
            "id": f"answer_{number}", "object": "realtime.item", "type": "message", "role": "assistant",
            "status": "in_progress", "content": [],
        }  # fmt: skip
        ids = {"response_id": response["id"], "output_index": 0}
        place = {**ids, "item_id": item["id"], "content_index": 0}
        await self._tell("response.created", response=response)
        await self._tell("response.output_item.added", **ids, item=item)
        await self._tell("conversation.item.added", item=item, previous_item_id=None)
        for start in range(0, len(pcm), DELTA_MS * BYTES_PER_MS):
            sound = base64.b64encode(pcm[start : start + DELTA_MS * BYTES_PER_MS]).decode()
            await self._tell("response.output_audio.delta", **place, delta=sound)
            await asyncio.sleep(DELTA_EVERY_S)
        await self._tell("response.output_audio.done", **place)
        await self._tell("response.output_item.done", **ids, item=item | {"status": "completed"})
        await self._tell("response.done", response=response | {"status": "completed"})

    async def _tell(self, name: str, **what: object) -> None:
        if not self._wire.closed:
            await self._wire.send_str(json.dumps({"type": name, "event_id": "e", **what}))


async def realtime(request: web.Request) -> web.WebSocketResponse:
    """Serve one session."""
    wire = web.WebSocketResponse(compress=False, max_msg_size=1 << 24)
    await wire.prepare(request)
    await Session(wire).run()
    return wire


async def ready(request: web.Request) -> web.Response:
    """Say that callers may come."""
    return web.Response()


def main(port: int) -> None:
    """Serve until the process is ended."""
    from benchmarks.peers.turn_agent import converse  # which is made of what is here

    app = web.Application()
    app.router.add_get("/v1/realtime", realtime)
    app.router.add_get("/v1/agent/converse", converse)
    app.router.add_get("/readyz", ready)
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None, loop=uvloop.new_event_loop())


if __name__ == "__main__":
    main(int(sys.argv[1]))
