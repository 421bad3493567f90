"""What all callers on a WebSocket have in common, whatever they speak: hearing in order, and books of what was played."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod

from mediaserver.audio.encodings import Unpacker
from mediaserver.caller import Listener, Played, Tap
from mediaserver.clock import FRAME_MS, Clock, monotonic
from signaling.loudspeaker import Loudspeaker
from signaling.socket import Socket

AT_ONCE = 10
"""Frames heard before others have their turn."""

AHEAD_S = 1.0
"""Sound that comes faster than real time counts as come up to this much later, so that no gap is seen behind it."""


class SocketCall(ABC):
    """The half of a :class:`mediaserver.caller.Caller` that does not depend on the dialect."""

    def __init__(self, call_id: str, socket: Socket, clock: Clock = monotonic) -> None:
        self._id = call_id
        self.socket = socket
        self.listener: Listener | None = None
        self.speaker: Loudspeaker | None = None
        self.hear_rate = self.play_rate = 0
        self._clock = clock
        self._heard_at = 0.0

    @property
    def id(self) -> str:
        """The call's name, ``rtc_…``."""
        return self._id

    @abstractmethod
    async def take(self, message: str | bytes) -> None:
        """Take a message of the client."""

    def attach(self, listener: Listener, *, hear_rate: int, play_rate: int, live: bool, tap: Tap | None = None) -> None:
        """Say who listens; the cushion that ``live`` sound wants is the client's business here."""
        self.listener, self.hear_rate, self.play_rate = listener, hear_rate, play_rate
        self.speaker = Loudspeaker(play_rate, listener.note, self._clock, tap)

    def pause(self) -> None:
        """Reckon with a client that falls silent when it is told that somebody speaks."""
        if self.speaker is not None:
            self.speaker.pause()

    def resume(self) -> None:
        """Reckon with a client that plays on."""
        if self.speaker is not None:
            self.speaker.resume()

    def clear(self) -> tuple[Played, ...]:
        """Say how much of each unfinished item was heard; the client drops its own queue."""
        return () if self.speaker is None else self.speaker.clear()

    def played(self, item_id: str) -> int:
        """Milliseconds of this item that were heard so far."""
        return 0 if self.speaker is None else self.speaker.played(item_id)

    async def run(self) -> None:
        """Serve the socket until it ends: raises Hangup with the reason."""
        try:
            await self.socket.serve(self.take)
        finally:
            if self.speaker is not None:
                self.speaker.stop()

    async def close(self, reason: str) -> None:
        """Say goodbye with the close code of this reason. Idempotent."""
        if self.speaker is not None:
            self.speaker.stop()
        await self.socket.close(reason)

    async def hear(self, unpacker: Unpacker, sound: bytes) -> None:
        """Hear sound of any length in order, a few frames at a time."""
        size = unpacker.step * AT_ONCE
        for at in range(0, len(sound), size):
            self.hear_frames(unpacker.feed(sound[at : at + size]))
            if at + size < len(sound):
                await asyncio.sleep(0)

    def hear_frames(self, frames: list[bytes]) -> None:
        """Hear frames of 20 ms at ``hear_rate``."""
        if self.listener is None:
            return
        now = self._clock()
        for frame in frames:
            self._heard_at = min(max(now, self._heard_at + FRAME_MS / 1000), now + AHEAD_S)
            self.listener.hear(frame, self._heard_at)
