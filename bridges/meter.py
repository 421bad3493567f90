"""Connected time of a provider that bills it and does not tell it: counted in the caller's sound, which never pauses."""

from __future__ import annotations

from collections.abc import Sequence

from mediaserver.events import UsageReported
from mediaserver.items import Usage

STEP_MS = 5000
"""What is reported at once."""


class Meter:
    """Counts PCM16 mono at ``rate`` Hz; each stretch is reported once, under a key that says which."""

    def __init__(self, rate: int) -> None:
        self._bytes_per_ms = rate * 2 // 1000
        self._heard = 0
        self._told_ms = 0

    @property
    def heard_ms(self) -> int:
        """How much was heard, in milliseconds."""
        return self._heard // self._bytes_per_ms

    def hear(self, pcm: bytes) -> None:
        """Count one frame."""
        self._heard += len(pcm)

    def report(self, least_ms: int = STEP_MS) -> Sequence[UsageReported]:
        """Return what has not been reported yet when it is at least so much, else nothing."""
        start, end = self._told_ms, self.heard_ms
        if end - start < max(1, least_ms):
            return ()
        self._told_ms = end
        return (UsageReported(Usage(seconds=(end - start) / 1000), "session", f"{start}-{end}"),)
