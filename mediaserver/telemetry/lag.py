"""How late the event loop is: one timer each 20 ms, and by how much it was missed. Everything of a worker waits as long."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager

from mediaserver.clock import Clock, monotonic

EVERY_S = 0.02
BOUNDS_S = (0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5)
"""Upper bounds of the buckets; what is later than the last one has a bucket of its own."""

MOST_OWED = 250
"""Looks that one stop of the loop can cost (5 s): a machine that slept is told as late once, not for each second of it."""


class LoopLag:
    """Counts, by lateness, the looks at the loop since the start.

    A loop that stands still misses all the looks that were due meanwhile; each is counted with the lateness that it would
    have had, else the longest stops would weigh least.
    """

    def __init__(self, clock: Clock = monotonic) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.total_s = 0.0
        self._clock = clock

    def note(self, late_s: float) -> None:
        """Take one look that came so late, and those that were missed because of it."""
        for _ in range(MOST_OWED):
            late = max(0.0, late_s)
            self.counts[bisect_left(BOUNDS_S, late)] += 1
            self.total_s += late
            late_s -= EVERY_S
            if late_s <= 0:
                return

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look at the running loop until the block is left: a plain timer, no task."""
        loop = asyncio.get_running_loop()
        self._look_again(loop)
        try:
            yield
        finally:
            self._timer.cancel()

    def _look_again(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = self._clock() + EVERY_S
        self._timer = loop.call_later(EVERY_S, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self.note(self._clock() - self._due)
        self._look_again(loop)
