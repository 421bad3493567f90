"""How often a listener who plays what comes, as it comes, had to wait. Pure."""

from __future__ import annotations

LONG_S = 0.06


class Gaps:
    """Counts the waits of more than 60 ms; one of more than ``pause_s`` is where nobody spoke."""

    def __init__(self, pause_s: float = float("inf")) -> None:
        self.count = 0
        self.sound_s = 0.0
        self._pause_s = pause_s
        self._ends: float | None = None

    def take(self, at: float, seconds: float) -> None:
        """Take sound of this length that came at ``at`` (seconds)."""
        ends = at if self._ends is None else self._ends
        self.count += LONG_S < at - ends < self._pause_s
        self._ends = max(ends, at) + seconds
        self.sound_s += seconds
