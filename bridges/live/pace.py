"""How much time has passed in a session that tells no time: by the clock that ran furthest of those that there are."""

from __future__ import annotations

from typing import NamedTuple


class Mark(NamedTuple):
    """A moment, by each clock."""

    heard_ms: int
    silent_ms: int
    used_s: float


class Pace:
    """Three clocks, each of which may stand: the caller's sound, the model's silence, and the seconds that it counts."""

    def __init__(self) -> None:
        self._now = Mark(0, 0, 0.0)

    def heard(self, total_ms: int) -> None:
        """So much was heard of the caller in all."""
        self._now = self._now._replace(heard_ms=total_ms)

    def silent(self, ms: int) -> None:
        """The model was silent for so long."""
        self._now = self._now._replace(silent_ms=self._now.silent_ms + ms)

    def used(self, seconds: float) -> None:
        """So many seconds were counted in all."""
        self._now = self._now._replace(used_s=seconds)

    def mark(self) -> Mark:
        """Return this moment."""
        return self._now

    def since(self, mark: Mark) -> int:
        """Return the milliseconds that have passed at least; whole seconds may have begun just before the mark."""
        now = self._now
        counted = int((now.used_s - mark.used_s - 1) * 1000)
        return max(now.heard_ms - mark.heard_ms, now.silent_ms - mark.silent_ms, counted)
