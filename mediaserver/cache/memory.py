"""The nearest tier: this process's memory, so many bytes, what was not used for the longest time goes first."""

from __future__ import annotations

import time
from collections.abc import Callable

from mediaserver.cache.entry import Entry
from mediaserver.cache.tally import Tally

NAME = "memory"
SWEEP_S = 60.0
"""So often, while things are put in, what is too old is looked for."""


class Memory:
    """Plain calls that never wait. An entry larger than a quarter of all is not kept. ``wall``: unix seconds."""

    def __init__(self, max_bytes: int, tally: Tally, wall: Callable[[], float] = time.time) -> None:
        self._max = max_bytes
        self._tally = tally
        self._wall = wall
        self._kept: dict[str, Entry] = {}
        self._bytes = 0
        self._swept = wall()

    @property
    def bytes(self) -> int:
        """What is kept."""
        return self._bytes

    def takes(self, entry: Entry) -> bool:
        """Say whether an entry is small enough."""
        return entry.size <= self._max // 4

    def get(self, key: str) -> Entry | None:
        """Return what is kept and not too old."""
        entry = self._kept.pop(key, None)
        if entry is None:
            return None
        if not entry.fresh(self._wall()):
            self._bytes -= entry.size
            return None
        self._kept[key] = entry  # the last one again
        return entry

    def put(self, key: str, entry: Entry) -> None:
        """Keep it, if it is small enough, and let the oldest go."""
        self._drop(key)
        self._sweep()
        if not self.takes(entry):
            return
        self._kept[key] = entry
        self._bytes += entry.size
        while self._bytes > self._max:
            self._drop(next(iter(self._kept)))
            self._tally.evictions[NAME] += 1

    def _sweep(self) -> None:
        now = self._wall()
        if abs(now - self._swept) >= SWEEP_S:
            self._swept = now
            for key in [key for key, entry in self._kept.items() if not entry.fresh(now)]:
                self._drop(key)

    def _drop(self, key: str) -> None:
        entry = self._kept.pop(key, None)
        if entry is not None:
            self._bytes -= entry.size
