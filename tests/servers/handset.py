"""A caller in real time without a network: a microphone that says what it is given, a loudspeaker that is recorded."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from mediaserver.audio.playout import Playout
from mediaserver.audio.speaker import Speaker
from mediaserver.caller import Listener, Tap
from mediaserver.clock import FRAME_MS
from mediaserver.errors import Hangup
from mediaserver.events import Event, PlayoutFinished, PlayoutStarted

Kind = TypeVar("Kind", bound=Event)


class Handset(Speaker):
    """Satisfies :class:`mediaserver.caller.Caller`. ``heard`` is all that was played since ``began``, silence included."""

    def __init__(self, call_id: str = "rtc_handset") -> None:
        self.id = call_id
        self.events: list[tuple[float, Event]] = []
        self.heard = bytearray()
        self.began = 0.0
        self.hear_rate = self.play_rate = 0
        self.spoken_ms = 0
        self._listener: Listener | None = None
        self._playout: Playout | None = None
        self._mic: deque[bytes] = deque(maxlen=30_000)
        self._over = asyncio.Event()
        self._came = asyncio.Event()

    # --- for a test ---------------------------------------------------------------------------------------------------

    def say(self, pcm: bytes) -> None:
        """Speak this (PCM16 mono at ``hear_rate``) from now on, a frame each 20 ms; silence is said otherwise."""
        size = self.hear_rate * FRAME_MS // 1000 * 2
        self._mic.extend(pcm[start : start + size].ljust(size, b"\0") for start in range(0, len(pcm), size))

    @property
    def saying(self) -> bool:
        """Something is still to be said."""
        return bool(self._mic)

    def hang_up(self) -> None:
        """End the call."""
        self._over.set()

    def of(self, kind: type[Kind]) -> list[Kind]:
        """Return the events of a kind."""
        return [event for _, event in self.events if isinstance(event, kind)]

    def at(self, kind: type[Event], count: int = 1) -> float:
        """Return when the ``count``-th event of a kind came, monotonic seconds."""
        return [at for at, event in self.events if isinstance(event, kind)][count - 1]

    async def until(self, happened: Callable[[], bool], within_s: float = 30.0) -> None:
        """Wait until this is so."""
        async with asyncio.timeout(within_s):
            while not happened():
                self._came.clear()
                await self._came.wait()

    async def event(self, kind: type[Kind], count: int = 1, within_s: float = 30.0) -> Kind:
        """Wait for the ``count``-th event of a kind."""
        await self.until(lambda: len(self.of(kind)) >= count, within_s)
        return self.of(kind)[count - 1]

    # --- Caller -------------------------------------------------------------------------------------------------------

    def attach(self, listener: Listener, *, hear_rate: int, play_rate: int, live: bool, tap: Tap | None = None) -> None:
        self._listener, self.hear_rate, self.play_rate = listener, hear_rate, play_rate
        self._playout = Playout(play_rate, self._noted, live=live)

    def _noted(self, event: PlayoutStarted | PlayoutFinished) -> None:
        assert self._listener is not None
        self._listener.note(event)

    def playout(self) -> Playout:
        assert self._playout is not None
        return self._playout

    def tell(self, event: Event) -> None:
        self.events.append((time.monotonic(), event))
        self._came.set()

    async def run(self) -> None:
        assert self._listener is not None
        self.began = due = time.monotonic()
        silence_in = bytes(self.hear_rate * FRAME_MS // 1000 * 2)
        silence_out = bytes(self.play_rate * FRAME_MS // 1000 * 2)
        while not self._over.is_set():
            due += FRAME_MS / 1000
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self._listener.hear(self._mic.popleft() if self._mic else silence_in, time.monotonic())
            self.spoken_ms += FRAME_MS
            self.heard += self.playout().pull(time.monotonic()) or silence_out
            self._came.set()
        raise Hangup("client_closed")

    async def close(self, reason: str) -> None:
        self._over.set()
