"""Cheaper sound before late sound: when the core is nearly full, Opus is encoded with less effort. Pure.

Complexity 2, which is CELT where nothing is lost, takes a quarter of the time that 5 does, 0 in wide band a sixth
(decision 18). Effort is given back slowly, and only where the core would not be full again at once.
"""

from __future__ import annotations

STEPS = (2, 0)
"""Complexities below the configured one, dearest first."""

FULL = 0.75
"""More of the core than this is too much, when it lasts for ``FULL_S``."""
FULL_S = 0.5

ROOMY = 0.4
"""Less than this, for ``ROOMY_S``, leaves room for the next dearer step."""
ROOMY_S = 10.0


class Shedding:
    """Looks at how busy the core is and says how much effort an encoding may take (Opus complexity, 0..10)."""

    def __init__(self, complexity: int) -> None:
        self._steps = (complexity, *(step for step in STEPS if step < complexity))
        self._at = 0
        self._full_since: float | None = None
        self._roomy_since: float | None = None

    @property
    def complexity(self) -> int:
        """The complexity for now."""
        return self._steps[self._at]

    def look(self, busy: float, now: float) -> bool:
        """Take the part of the core that was used lately (0..1); return whether the complexity has changed."""
        self._full_since = _since(self._full_since, busy > FULL, now)
        self._roomy_since = _since(self._roomy_since, busy < ROOMY, now)
        if _lasted(self._full_since, FULL_S, now):
            return self._move(1)
        if _lasted(self._roomy_since, ROOMY_S, now):
            return self._move(-1)
        return False

    def _move(self, by: int) -> bool:
        before, self._at = self._at, min(max(self._at + by, 0), len(self._steps) - 1)
        self._full_since = self._roomy_since = None
        return self._at != before


def _since(before: float | None, so: bool, now: float) -> float | None:
    if not so:
        return None
    return now if before is None else before


def _lasted(since: float | None, seconds: float, now: float) -> bool:
    return since is not None and now - since >= seconds
