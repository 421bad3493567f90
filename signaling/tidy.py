"""Gives back what ended calls left, when nobody is there whom the pause could disturb."""

from __future__ import annotations

import asyncio
import ctypes
import gc
from collections.abc import Callable, Sized
from functools import cache

IDLE_S = 1.0
"""After the end of a call; another one that came meanwhile is let be, and its end is the next occasion."""


class Tidy:
    """Told of each end of a call; a busy server is left to the collector's own thresholds."""

    def __init__(self) -> None:
        self._timer: asyncio.TimerHandle | None = None

    def soon(self, calls: Sized) -> None:
        """Look at ``calls`` in a moment, and tidy up when there are none."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(IDLE_S, self._look, calls)

    def _look(self, calls: Sized) -> None:
        self._timer = None
        if not len(calls):
            gc.collect()
            give_back()


def give_back() -> None:
    """Return free memory to the system: of a heap that has grown glibc keeps all but the end (malloc_trim(3))."""
    if (trim := _trim()) is not None:
        trim(0)


@cache
def _trim() -> Callable[[int], int] | None:
    """Return glibc's function; other libraries have none."""
    try:
        found: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
    return found
