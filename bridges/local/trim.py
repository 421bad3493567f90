"""Cuts the silence that an engine puts around speech, while it streams. Pure.

A voice's lead-in would be latency nobody asked for, and its tail would count as heard when a reply is cut.
"""

from __future__ import annotations

import numpy as np

_SILENT = 200
"""Samples below this (of 32768) are silence."""


class Trimmer:
    """Takes PCM16 mono at ``rate``; keeps ``edge_ms`` before the first and after the last sample that can be heard."""

    def __init__(self, rate: int, edge_ms: int = 50) -> None:
        self._edge = rate * edge_ms // 1000 * 2
        self._begun = False
        self._held = b""

    def feed(self, pcm: bytes) -> bytes:
        """Return what is speech for certain; silence is held back until speech follows it."""
        held = self._held + pcm
        loud = np.flatnonzero(np.abs(np.frombuffer(held, np.int16).astype(np.int32)) > _SILENT)
        if not loud.size:
            self._held = held if self._begun else held[-self._edge :]
            return b""
        begin = 0 if self._begun else max(0, int(loud[0]) * 2 - self._edge)
        end = int(loud[-1]) * 2 + 2
        self._begun, self._held = True, held[end:]
        return held[begin:end]

    def finish(self) -> bytes:
        """Return the edge after the last sound."""
        edge, self._held = self._held[: self._edge], b""
        return edge if self._begun else b""
