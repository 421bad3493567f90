"""The provider of :mod:`benchmarks.peers.turn_realtime` as an agent of Deepgram's, over PCM or Opus as its settings say.

Each binary message is sound: PCM16 at 24 kHz, or one Opus packet. Opus is not decoded here: packets of voice are larger than
those of the callers' silence, and the answer is made of the packets that were heard.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Protocol

from aiohttp import WSMsgType, web

from benchmarks.peers.turn_realtime import BYTES_PER_MS, DELTA_EVERY_S, DELTA_MS, QUIET_MS, Turn

FRAME_MS = 20
VOICED_BYTES = 56
"""Opus packets of this size hold voice; the callers' silence takes 45 bytes, their voice 66 and more."""


class Turns(Protocol):
    """Notices where turns begin and end, and keeps what was said."""

    def hear(self, sound: bytes) -> str | None:
        """Take one message; say whether a turn ``started`` or ``stopped`` with it."""
        ...

    def pieces(self) -> list[list[bytes]]:
        """Return the turn that stopped, in messages, those of 100 ms together; be ready for the next."""
        ...


class SoundTurns(Turn):
    """Of PCM."""

    def pieces(self) -> list[list[bytes]]:
        """Return messages of 100 ms."""
        said, size = self.taken(), DELTA_MS * BYTES_PER_MS
        return [[said[start : start + size]] for start in range(0, len(said), size)]


class PacketTurns:
    """Of Opus packets of 20 ms."""

    def __init__(self) -> None:
        self._said: list[bytes] = []
        self._quiet = 0

    def hear(self, packet: bytes) -> str | None:
        """Take one packet."""
        if len(packet) < VOICED_BYTES and not self._said:
            return None
        self._said.append(packet)
        self._quiet = 0 if len(packet) >= VOICED_BYTES else self._quiet + 1
        if len(self._said) == 1:
            return "started"
        return "stopped" if self._quiet * FRAME_MS >= QUIET_MS else None

    def pieces(self) -> list[list[bytes]]:
        """Return five packets at a time, without the silence that ended the turn."""
        said, self._said = self._said[: len(self._said) - self._quiet], []
        step, self._quiet = DELTA_MS // FRAME_MS, 0
        return [said[start : start + step] for start in range(0, len(said), step)]


class Agent:
    """One session: what it hears, and the answers that are being said."""

    def __init__(self, wire: web.WebSocketResponse) -> None:
        self._wire = wire
        self._turns: Turns = SoundTurns()
        self._answers: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until the other side leaves."""
        await self._tell("Welcome", request_id="r")
        async for message in self._wire:
            if message.type is WSMsgType.BINARY:
                await self._edge(self._turns.hear(message.data))
            elif message.type is WSMsgType.TEXT:
                await self._take(json.loads(message.data))
        for answer in self._answers:
            answer.cancel()

    async def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "Settings":
            self._turns = PacketTurns() if message["audio"]["input"]["encoding"] == "opus" else SoundTurns()
            await self._tell("SettingsApplied")

    async def _edge(self, edge: str | None) -> None:
        if edge == "started":
            await self._tell("UserStartedSpeaking")
        elif edge == "stopped":
            await self._tell("ConversationText", role="user", content="a turn")
            self._answers.add(answer := asyncio.create_task(self._answer(self._turns.pieces())))
            answer.add_done_callback(self._answers.discard)

    async def _answer(self, pieces: list[list[bytes]]) -> None:
        await self._tell("AgentThinking", content="")
        for piece in pieces:
            for message in piece:
                if not self._wire.closed:
                    await self._wire.send_bytes(message)
            await asyncio.sleep(DELTA_EVERY_S)
        await self._tell("AgentAudioDone")

    async def _tell(self, name: str, **what: object) -> None:
        if not self._wire.closed:
            await self._wire.send_str(json.dumps({"type": name, **what}))


async def converse(request: web.Request) -> web.WebSocketResponse:
    """Serve one session."""
    wire = web.WebSocketResponse(compress=False, max_msg_size=1 << 24)
    await wire.prepare(request)
    await Agent(wire).run()
    return wire
