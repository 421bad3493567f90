"""Whether a client takes what it is told: it is there, something waits for it, and nothing of it is acknowledged. Pure."""

from __future__ import annotations

MOST_S = 8.0
"""So long; SCTP has sent the oldest of it again and again by then."""


class Patience:
    """Looks at what is on its way; times in monotonic seconds."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._acknowledged: int | None = None

    def over(self, acknowledged: int | None, *, present: bool, now: float) -> bool:
        """Return whether it has lasted too long.

        ``acknowledged`` names the last thing that the client confirmed, ``None`` while nothing waits to be. A client that
        is not ``present`` is waited for elsewhere, and when it is back it has all the time again.
        """
        if acknowledged is None or not present or acknowledged != self._acknowledged or self._since is None:
            self._since, self._acknowledged = (None if acknowledged is None or not present else now), acknowledged
            return False
        return now - self._since >= MOST_S
