"""When the reply is audible, to 5 ms. Pure: sound and where it lies in, spans out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

AUDIBLE_PEAK = 100
"""About -50 dBFS: weaker is silence, comfort noise or what a codec leaves."""
BLOCKS = 4
"""Parts of a frame that are looked at one by one: 5 ms of 20."""
HANG_MS = 200.0
"""Silence that is shorter lies between two words."""


class Ear:
    """``edge`` is told when sound begins, and that it ended once nothing has followed for :data:`HANG_MS`."""

    def __init__(self, edge: Callable[[bool, float], None]) -> None:
        self._edge = edge
        self._since: float | None = None
        self._last = 0.0
        self._spans: list[tuple[float, float]] = []

    @property
    def spans(self) -> list[tuple[float, float]]:
        """From when to when something was audible, the last one perhaps still going on."""
        return self._spans if self._since is None else [*self._spans, (self._since, self._last)]

    def hear(self, samples: NDArray[np.int16], at_ms: float, length_ms: float) -> None:
        """Take sound that begins at ``at_ms`` and lasts ``length_ms``; nothing at all is silence."""
        step = length_ms / BLOCKS
        for number, block in enumerate(np.array_split(samples, BLOCKS)):
            if len(block) and int(np.abs(block.astype(np.int32)).max()) > AUDIBLE_PEAK:
                self._sound(at_ms + number * step, step)
        self.tick(at_ms + length_ms)

    def tick(self, now_ms: float) -> None:
        """Notice silence also when nothing comes."""
        if self._since is not None and now_ms - self._last >= HANG_MS:
            self._spans.append((self._since, self._last))
            self._since = None
            self._edge(False, self._last)

    def _sound(self, at_ms: float, length_ms: float) -> None:
        self.tick(at_ms)
        began = self._since is None
        if self._since is None:
            self._since = at_ms
        self._last = at_ms + length_ms
        if began:
            self._edge(True, at_ms)
