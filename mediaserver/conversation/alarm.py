"""One timer of the event loop that goes off no later than asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from mediaserver.clock import Clock


class Alarm:
    """Calls ``ring`` when the time set has come. Costs nothing while nothing is set, and no task ever.

    Setting a later time leaves an earlier timer alone: it rings early, and whoever is rung asks again what is due.
    """

    def __init__(self, clock: Clock, ring: Callable[[], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._due: float | None = None
        self._handle: asyncio.TimerHandle | None = None

    def set(self, due: float | None) -> None:
        """Ring at ``due`` (monotonic seconds), or earlier; ``None`` changes nothing."""
        if due is None or (self._due is not None and self._due <= due):
            return
        self.stop()
        self._due = due
        self._handle = asyncio.get_running_loop().call_later(max(0.0, due - self._clock()), self._rung)

    def stop(self) -> None:
        """Do not ring."""
        if self._handle is not None:
            self._handle.cancel()
        self._handle = self._due = None

    def _rung(self) -> None:
        self._handle = self._due = None
        self._ring()
