"""Change the sample rate of a stream of PCM16 mono, frame by frame.

A polyphase filter as one matrix product per call. General resamplers work in blocks: soxr, fed with 20 ms frames, gives
nothing for up to 120 ms and then all at once, which a call would hear as delay. Here a frame in is a frame out, late by
half the filter: 2 ms between 8000 and 16000 Hz. Stop band below -70 dB, pass band up to 0.4 of the lower rate.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import gcd
from typing import Protocol

import numpy as np
import soxr
from numpy.typing import NDArray

HALF_WIDTH = 16
"""Samples of the lower rate on each side of the filter's centre."""

_ROLL_OFF = 0.9
_BETA = 7.5


class Resampler:
    """Stateful, any two rates in Hz. Equal rates pass through untouched."""

    def __init__(self, from_rate: int, to_rate: int) -> None:
        common = gcd(from_rate, to_rate)
        self._up, self._down = to_rate // common, from_rate // common
        self._identity = from_rate == to_rate
        self._kernel = _kernel(self._up, self._down)
        self._history = np.zeros(len(self._kernel) - self._down, np.float32)
        self._rest = b""

    @property
    def delay(self) -> int:
        """Samples of the incoming rate by which the outgoing sound is late."""
        return 0 if self._identity else len(self._history) // 2

    def feed(self, pcm: bytes) -> bytes:
        """Take sound of any length and return what can be said of it: for 20 ms frames of whole groups, all of it."""
        if self._identity:
            return pcm
        if self._rest or len(pcm) & 1:
            pcm = self._rest + pcm
            self._rest = pcm[len(pcm) & ~1 :]
            pcm = pcm[: len(pcm) & ~1]
        return self._filter(np.frombuffer(pcm, "<i2"))

    def flush(self) -> bytes:
        """Return what is still inside and begin anew."""
        if self._identity:
            return b""
        held = len(self._history) - (len(self._kernel) - self._down)
        wanted = -(-(held + self.delay) * self._up // self._down)
        tail = self._filter(np.zeros(self.delay + 2 * self._down, "<i2"))[: wanted * 2]
        self._history = np.zeros(len(self._kernel) - self._down, np.float32)
        self._rest = b""
        return tail

    def _filter(self, samples: NDArray[np.int16]) -> bytes:
        sound = np.concatenate((self._history, samples), dtype=np.float32)
        groups = (len(sound) - len(self._kernel)) // self._down + 1
        if groups <= 0:
            self._history = sound
            return b""
        # Made by hand, and clipped by two plain functions: as_strided and clip are Python, which costs more than the filter.
        windows: NDArray[np.float32] = np.ndarray(
            (groups, len(self._kernel)), np.float32, sound, strides=(4 * self._down, 4)
        )
        made = np.dot(windows, self._kernel)
        self._history = sound[groups * self._down :]
        np.rint(made, out=made)
        np.minimum(np.maximum(made, -32768, out=made), 32767, out=made)
        resampled: bytes = made.astype("<i2").tobytes()
        return resampled


class ThoroughResampler:
    """What :class:`Resampler` does, for files: stop band below -100 dB, and the sound comes in lumps of up to 120 ms."""

    def __init__(self, from_rate: int, to_rate: int) -> None:
        self._stream = soxr.ResampleStream(from_rate, to_rate, 1, dtype="int16", quality="HQ")

    def feed(self, pcm: bytes) -> bytes:
        """Take sound of any length, whole samples, and return what can be said of it."""
        return self._resampled(pcm)

    def flush(self) -> bytes:
        """Return what is still inside; nothing can follow."""
        return self._resampled(b"", last=True)

    def _resampled(self, pcm: bytes, *, last: bool = False) -> bytes:
        made: bytes = self._stream.resample_chunk(np.frombuffer(pcm, "<i2"), last=last).tobytes()
        return made


class Resampling(Protocol):
    """A change of rate: PCM16 mono in and out."""

    def feed(self, pcm: bytes) -> bytes:
        """Take sound and return what can be said of it."""
        ...

    def flush(self) -> bytes:
        """Return what is still inside."""
        ...


MakeResampler = Callable[[int, int], Resampling]
"""Makes one from a rate to a rate, both in Hz."""


@cache
def _kernel(up: int, down: int) -> NDArray[np.float32]:
    """Return the filter as a matrix: a window of input samples times this is ``up`` output samples.

    Rows are input samples, columns the ``up`` outputs of one group; the next group begins ``down`` inputs later.
    """
    slower = max(1.0, down / up)  # input samples per sample of the lower rate
    half = int(np.ceil(HALF_WIDTH * slower))
    rows = np.arange(down + 2 * half)[:, None]
    centre = half + np.arange(up)[None, :] * down / up
    distance = (rows - centre) / slower
    window = np.i0(_BETA * np.sqrt(np.clip(1 - (distance / HALF_WIDTH) ** 2, 0, None))) / np.i0(_BETA)
    window[np.abs(distance) > HALF_WIDTH] = 0
    kernel = np.sinc(distance * _ROLL_OFF) * window
    return np.ascontiguousarray(kernel / kernel.sum(axis=0), dtype=np.float32)
