"""A bounded queue of live frames between two clocks: never makes the writer wait, drops the oldest, and counts."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MailboxStatistics:
    """What went through: ``put`` frames came, ``dropped`` of them were never read, ``waiting`` are in it, of ``limit``."""

    put: int
    dropped: int
    waiting: int
    limit: int


class Mailbox(Generic[T]):
    """For one reader. A frame that is not read in time is worth less than the one behind it."""

    def __init__(self, limit: int) -> None:
        self._frames: deque[T] = deque(maxlen=limit)
        self._limit = limit
        self._put = 0
        self._dropped = 0
        self._closed = False
        self._news = asyncio.Event()

    def __len__(self) -> int:
        return len(self._frames)

    def put(self, frame: T) -> None:
        """Add a frame; a full box forgets its oldest, a closed one this."""
        self._put += 1
        if self._closed or len(self._frames) == self._limit:
            self._dropped += 1
        if not self._closed:
            self._frames.append(frame)
            self._news.set()

    def take(self) -> T | None:
        """Return the oldest frame without waiting, or None."""
        return self._frames.popleft() if self._frames else None

    async def get(self) -> T:
        """Wait for the oldest frame; raises EOFError when the box is closed and empty."""
        while not self._frames:
            if self._closed:
                raise EOFError
            self._news.clear()
            await self._news.wait()
        return self._frames.popleft()

    def close(self) -> None:
        """Take no more; what is inside can still be read."""
        self._closed = True
        self._news.set()

    def statistics(self) -> MailboxStatistics:
        """Return the counts so far."""
        return MailboxStatistics(self._put, self._dropped, len(self._frames), self._limit)
