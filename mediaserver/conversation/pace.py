"""A caller's own pace: how long the pauses are that they make within their turns. Pure."""

from __future__ import annotations


class Pace:
    """A running mean with its mean deviation, as TCP estimates a round trip (RFC 6298 section 2).

    Only pauses after which the caller went on are told, those that we took for the end of a turn among them.
    """

    FIRST_MS = 350.0
    FIRST_DEVIATION_MS = 150.0
    LONGEST_MS = 2000  # a longer silence is no pause within a turn
    LEAST, MOST = 1.0, 1.6  # nobody is cut short for having been quick
    _WEIGHT = 0.25

    def __init__(self) -> None:
        self.mean_ms = self.FIRST_MS
        self._deviation_ms = self.FIRST_DEVIATION_MS

    def paused(self, ms: int) -> None:
        """The caller was silent for so long and then went on."""
        if not 0 < ms <= self.LONGEST_MS:
            return
        self._deviation_ms += self._WEIGHT * (abs(ms - self.mean_ms) - self._deviation_ms)
        self.mean_ms += self._WEIGHT * (ms - self.mean_ms)

    @property
    def factor(self) -> float:
        """How much longer than with an average caller to wait, ``LEAST`` to ``MOST``."""
        usual = self.FIRST_MS + self.FIRST_DEVIATION_MS
        return min(self.MOST, max(self.LEAST, (self.mean_ms + self._deviation_ms) / usual))
