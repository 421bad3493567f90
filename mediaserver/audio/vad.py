"""Is there a voice in this frame?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import webrtcvad

from mediaserver.audio.levels import NoiseFloor, dbfs
from mediaserver.audio.pcm import DETECTOR_RATE, Narrowed
from mediaserver.clock import FRAME_MS

RATES = frozenset({8000, 16000, 32000, 48000})
"""What webrtcvad takes as it is, in Hz."""


class VoiceDetector(Protocol):
    """What tells voice from other sound."""

    def voiced(self, frame: bytes) -> bool:
        """Say whether there is a voice in this 20 ms frame of PCM16 mono, at the rate the detector was made for."""
        ...


MakeVoice = Callable[[int, float], VoiceDetector]
"""Makes a detector for a rate in Hz and a session's threshold 0..1."""


class WebRtcVoice:
    """The detector of the WebRTC project: 3 µs a frame, tells speech from steady noise, not from babble.

    ``threshold`` 0..1 is the session's; its quarters are webrtcvad's modes 0 (lets all through) to 3 (strict).
    """

    def __init__(self, rate: int, threshold: float = 0.5) -> None:
        self._vad = webrtcvad.Vad(mode(threshold))
        self._narrowed = None if rate in RATES else Narrowed(rate)
        self._rate = rate if self._narrowed is None else DETECTOR_RATE
        self._size = self._rate * FRAME_MS // 1000 * 2
        self._rest = b""
        self._last = False

    def voiced(self, frame: bytes) -> bool:
        """Say whether there is a voice in this frame."""
        if self._narrowed is not None:
            return self._judged(self._narrowed.feed(frame))
        return len(frame) == self._size and bool(self._vad.is_speech(frame, self._rate))

    def _judged(self, pcm: bytes) -> bool:
        """Judge whole frames only: of some rates a frame is a sample more or less at 8 kHz."""
        self._rest += pcm
        while len(self._rest) >= self._size:
            frame, self._rest = self._rest[: self._size], self._rest[self._size :]
            self._last = bool(self._vad.is_speech(frame, self._rate))
        return self._last


class LevelVoice:
    """Everything that is louder than the room: for lines on which nothing but voices is heard, and for whispers.

    ``threshold`` 0..1 is 6 to 18 dB above the floor of noise; the default of 0.5 is 12 dB. Any rate.
    """

    def __init__(self, _rate: int, threshold: float = 0.5) -> None:
        self._margin_db = 6.0 + 12.0 * threshold
        self._floor = NoiseFloor()

    def voiced(self, frame: bytes) -> bool:
        """Say whether this frame is louder than the room by the margin."""
        level = dbfs(frame)
        return level > self._floor.feed(level) + self._margin_db


def mode(threshold: float) -> int:
    """Return webrtcvad's mode 0..3 for the session's threshold 0..1; the default of 0.5 is mode 2."""
    return max(0, min(3, int(threshold * 4)))
