"""Whether a provider that says nothing still lives: it is asked for a sign of life, and given up where none comes. Pure."""

from __future__ import annotations

LOST = 4
"""Looks at the clock, not seconds: when it is us who stood still, the provider is not to blame."""


class Pulse:
    """One connection's; ``now`` is in monotonic seconds. It is looked at every fifth of a second or so."""

    def __init__(self, now: float) -> None:
        self.heard_at = now
        self._asked = False
        self._unanswered = 0

    @property
    def lost(self) -> bool:
        """Whether it was asked and gave no sign of life for too long."""
        return self._unanswered > LOST

    def lives(self, now: float) -> None:
        """It gave a sign of life."""
        self.heard_at, self._asked, self._unanswered = now, False, 0

    def asked(self) -> None:
        """It was asked for one."""
        self._asked = True

    def look(self, now: float, quiet_s: float) -> bool:
        """Return whether to ask now: it has been quiet for ``quiet_s``."""
        self._unanswered += self._asked
        return not self._asked and now - self.heard_at >= quiet_s
