"""Sound in the steps in which a provider wants it: frames are gathered, bursts are cut. Pure."""

from __future__ import annotations

from collections.abc import Iterator

_MOST = 10
"""Steps in one piece: a burst goes out in few pieces, none of them large."""


class Steps:
    """PCM16 mono at ``rate`` Hz in pieces of ``ms`` milliseconds or a few times that."""

    def __init__(self, rate: int, ms: int) -> None:
        self._per_second = rate * 2
        self._step = rate * ms // 1000 * 2
        self._held = b""
        self._sent = 0

    @property
    def sent_s(self) -> float:
        """Seconds given out since the beginning."""
        return self._sent / self._per_second

    def feed(self, pcm: bytes) -> Iterator[bytes]:
        """Yield what is due, in order."""
        held = self._held + pcm if self._held else pcm
        due = len(held) - len(held) % self._step
        self._held = held[due:]
        for start in range(0, due, self._step * _MOST):
            yield self._out(held[start : min(due, start + self._step * _MOST)])

    def rest(self) -> bytes:
        """Return what was gathered, which is less than a step."""
        held, self._held = self._held, b""
        return self._out(held)

    def silence(self, seconds: float) -> bytes:
        """Return as much silence, counted as given out."""
        return self._out(bytes(round(seconds * self._per_second / 2) * 2))

    def _out(self, pcm: bytes) -> bytes:
        self._sent += len(pcm)
        return pcm
