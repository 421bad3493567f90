"""When a worker that died is started again, and when no more. Pure."""

from __future__ import annotations

from collections import deque

WINDOW_S = 60.0
PAUSES_S = (0.1, 0.5, 2.0, 5.0)
"""Before the first, second, … new start within the window; one more death gives up."""


class Respawn:
    """The deaths of one worker."""

    def __init__(self) -> None:
        self._deaths: deque[float] = deque(maxlen=len(PAUSES_S) + 1)

    def died(self, now: float) -> float | None:
        """Return the seconds to wait before the next start, ``None``: give up."""
        self._deaths.append(now)
        recent = sum(now - death < WINDOW_S for death in self._deaths)
        return PAUSES_S[recent - 1] if recent <= len(PAUSES_S) else None
