"""When live sound comes, so that the 20 ms clock can follow just behind it instead of up to a frame later."""

from __future__ import annotations

import cmath

from mediaserver.audio.ticker import PERIOD


class Rhythm:
    """When, within the 20 ms of the clock, live sound comes: so that the tick can follow just behind it. Pure."""

    ENOUGH = 25
    STEADY = 0.8
    MARGIN = 0.003  # a timer may be 1 ms early, and sound late by as long as the tick of other calls takes
    MOVED = 0.004

    def __init__(self) -> None:
        self.phase: float | None = None
        self._sum = 0j
        self._count = 0

    def beat(self, at: float) -> bool:
        """Note an arrival; returns whether ``phase`` (seconds) has changed, decided twice per second of sound."""
        self._sum += cmath.exp(2j * cmath.pi * at / PERIOD)
        self._count += 1
        if self._count < self.ENOUGH:
            return False
        mean, self._sum, self._count = self._sum / self._count, 0j, 0
        if abs(mean) < self.STEADY:  # it comes in bursts, or with more jitter than a phase can follow
            return False
        found = (cmath.phase(mean) / (2 * cmath.pi) * PERIOD + self.MARGIN) % PERIOD
        if self.phase is not None and self._apart(found, self.phase) < self.MOVED:
            return False
        self.phase = found
        return True

    @staticmethod
    def _apart(one: float, other: float) -> float:
        away = abs(one - other) % PERIOD
        return min(away, PERIOD - away)
