"""What the caller said and no provider has settled yet, to be said again to the next one. Pure."""

from __future__ import annotations

from collections import deque

from mediaserver.clock import FRAME_MS
from mediaserver.remember import remember

KEPT_MS = 60_000
LEAD_MS = 1000
"""So much before a word is kept where nobody seemed to speak: a voice is noticed later than it begins."""
MAX_MARKS = 256


class Replay:
    """The caller's frames since the last turn that is settled: written down in the conversation, or answered.

    One clock: positions are milliseconds of sound heard since the session began, 20 ms a frame. Beyond ``kept_ms`` the
    oldest frames are dropped and counted in ``dropped_ms``.
    """

    def __init__(self, kept_ms: int = KEPT_MS) -> None:
        self.dropped_ms = 0
        self._frames: deque[bytes] = deque(maxlen=max(1, kept_ms // FRAME_MS))
        self._first = 0  # the position of the oldest frame, in frames
        self._marks: dict[str, int] = {}  # turns that are not settled, and the position of their end

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def clock_ms(self) -> int:
        """Milliseconds of sound heard so far."""
        return (self._first + len(self._frames)) * FRAME_MS

    @property
    def kept_ms(self) -> int:
        """Milliseconds of sound that would be said again."""
        return len(self._frames) * FRAME_MS

    @property
    def unsettled(self) -> tuple[str, ...]:
        """The turns that would be said again, oldest first."""
        return tuple(self._marks)

    def hear(self, pcm: bytes) -> None:
        """Take one 20 ms frame."""
        if len(self._frames) == self._frames.maxlen:
            self.dropped_ms += FRAME_MS
            self._first += 1
        self._frames.append(pcm)

    def mark(self, item_id: str, end_ms: int | None = None) -> None:
        """A turn of the caller ends at this position (``None``: here), and is not settled yet."""
        remember(self._marks, item_id, self.clock_ms if end_ms is None else end_ms, MAX_MARKS)

    def resolved(self, item_id: str) -> None:
        """The turn is settled: forget its sound and what is before it, also other turns that end no later."""
        end_ms = self._marks.pop(item_id, None)
        if end_ms is None:
            return
        self._forget_before(end_ms)
        self._marks = {other: end for other, end in self._marks.items() if end > end_ms}

    def silent(self, until_ms: int) -> None:
        """Nobody spoke up to this position: forget that, but for a lead of one second, when no turn is unsettled."""
        if not self._marks:
            self._forget_before(until_ms - LEAD_MS)

    def take(self) -> tuple[bytes, ...]:
        """Return the frames to be said again, oldest first; they are kept, as the next provider may fail too."""
        return tuple(self._frames)

    def _forget_before(self, position_ms: int) -> None:
        while self._frames and (self._first + 1) * FRAME_MS <= position_ms:
            self._frames.popleft()
            self._first += 1
