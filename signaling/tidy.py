"""Collects what ended calls left in cycles when nobody is there whom the pause could disturb."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sized

IDLE_S = 1.0
"""After the end of a call; another one that came meanwhile is let be, and its end is the next occasion."""


class Tidy:
    """Told of each end of a call; a busy server is left to the collector's own thresholds."""

    def __init__(self) -> None:
        self._timer: asyncio.TimerHandle | None = None

    def soon(self, calls: Sized) -> None:
        """Look at ``calls`` in a moment, and collect when there are none."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(IDLE_S, self._look, calls)

    def _look(self, calls: Sized) -> None:
        self._timer = None
        if not len(calls):
            gc.collect()
