"""How loud sound is, frame by frame, and how loud the room is when nobody speaks."""

from __future__ import annotations

import math
from collections import deque

from mediaserver.audio.pcm import rms
from mediaserver.clock import FRAME_MS

SILENCE_DB = -96.0
"""What digital silence measures: the quietest level that PCM16 can tell from nothing."""

_FULL_SCALE = 32768.0
_ZEROS = bytes(1920)


def is_silent(pcm: bytes) -> bool:
    """Say whether every sample is zero; costs a comparison of memory and no arithmetic."""
    size = len(pcm)
    return pcm == (_ZEROS[:size] if size <= len(_ZEROS) else bytes(size))


def dbfs(pcm: bytes) -> float:
    """Return the RMS level in dB below full scale of PCM16 little-endian mono, at least ``SILENCE_DB``.

    The RMS is a whole number, rounded down: exact to 0.2 dB above -57 dBFS, where a room ends and a voice may begin.
    """
    loud = rms(pcm)
    return 20.0 * math.log10(loud / _FULL_SCALE) if loud else SILENCE_DB


class Envelope:
    """The levels of a growing sound, one whole number of dB for each 20 ms.

    ``levels`` holds dB below full scale as positive bytes (0 is the loudest, 96 silence): one byte for 20 ms, so that ten
    minutes of speech cost 30 kB.
    """

    def __init__(self, rate: int) -> None:
        self.levels = bytearray()
        self._frame = rate * FRAME_MS // 1000
        self._rest = b""

    def feed(self, pcm: bytes) -> None:
        """Take more of the sound, PCM16 mono of any length."""
        data = self._rest + pcm
        whole = len(data) // (2 * self._frame)
        self._rest = data[whole * 2 * self._frame :]
        frame = 2 * self._frame
        for start in range(0, whole * frame, frame):
            self.add(dbfs(data[start : start + frame]))

    def add(self, level: float) -> None:
        """Take 20 ms more whose level is known, in dBFS."""
        self.levels.append(round(min(-SILENCE_DB, max(0.0, -level))))

    def at(self, ms: int) -> float:
        """Return the level in dBFS at this place of the sound; beyond its end there is silence."""
        index = ms // FRAME_MS
        return -float(self.levels[index]) if 0 <= index < len(self.levels) else SILENCE_DB


class NoiseFloor:
    """The level of the room, followed by minimum statistics: it falls at once and rises slowly.

    The floor is the lowest smoothed level of the last ``windows`` windows of ``window_ms``; speech has gaps within that
    time and so cannot lift it (R. Martin, "Noise power spectral density estimation based on optimal smoothing and minimum
    statistics", 2001, in its simplest form).
    """

    LOWEST_DB = -70.0
    HIGHEST_DB = -20.0
    FIRST_DB = -40.0
    BIAS_DB = 1.5  # the minimum of a noise lies below its mean

    def __init__(self, *, windows: int = 6, window_ms: int = 400) -> None:
        self._minima: deque[float] = deque(maxlen=windows)
        self._frames_per_window = window_ms // FRAME_MS
        self._frames = 0
        self._lowest = 0.0
        self._smooth: float | None = None
        # Until the first window is full the sound may be speech from its first frame on: louder rooms are believed later.
        self._known = self.FIRST_DB
        self.level = self.LOWEST_DB

    def feed(self, level: float) -> float:
        """Take the level of one 20 ms frame in dBFS and return the floor in dBFS."""
        if level < self.LOWEST_DB:
            level = self.LOWEST_DB
        self._smooth = smooth = level if self._smooth is None else self._smooth + 0.3 * (level - self._smooth)
        if smooth < self._lowest:
            self._lowest = smooth
        self._frames += 1
        if self._frames >= self._frames_per_window:
            self._minima.append(self._lowest)
            self._known = min(self._minima)
            self._frames, self._lowest = 0, 0.0
        floor = (self._known if self._known < self._lowest else self._lowest) + self.BIAS_DB
        self.level = self.LOWEST_DB if floor < self.LOWEST_DB else min(floor, self.HIGHEST_DB)
        return self.level
