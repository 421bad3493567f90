"""The headless caller's microphone and ear: WAV files in, a WAV file with the real timing out."""

from __future__ import annotations

import asyncio
import time
import wave
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import soxr
from aiortc import MediaStreamTrack
from av import AudioFrame
from numpy.typing import NDArray

RATE = 48000
"""Hz, PCM16 mono, in and out."""
FRAME = RATE // 50
AUDIBLE_RMS = 80.0
"""About -52 dBFS: quieter is silence, comfort noise or codec residue."""
HANG_S = 0.3
"""Sound that pauses for less has not stopped."""
LONGEST_S = 3600.0
"""What is heard after this is not kept."""


@dataclass(frozen=True, slots=True)
class Clip:
    """Something to say: samples at :data:`RATE`; ``voiced_s`` is where its last audible 20 ms end."""

    samples: NDArray[np.int16]
    voiced_s: float

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / RATE


def read_clip(path: Path) -> Clip:
    """Read a PCM16 WAV file of any rate and number of channels. Raises ValueError for anything else."""
    try:
        with wave.open(str(path), "rb") as file:
            if file.getsampwidth() != 2:
                raise ValueError(f"{path}: {8 * file.getsampwidth()} bit samples; 16 bit PCM is wanted")
            data = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())
            rate = file.getframerate()
    except (wave.Error, EOFError) as problem:
        raise ValueError(f"{path}: not a WAV file we can read ({problem})") from problem
    mono = data.astype(np.float32).mean(axis=1)
    resampled = mono if rate == RATE else soxr.resample(mono, rate, RATE)
    samples = np.clip(resampled, -32768, 32767).astype(np.int16)
    return Clip(samples, _voiced_until(samples))


def _voiced_until(samples: NDArray[np.int16]) -> float:
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME).astype(np.float64)
    loud = np.flatnonzero(np.sqrt((frames**2).mean(axis=1)) > max(AUDIBLE_RMS, 0.02 * np.abs(samples).max(initial=0)))
    return float(loud[-1] + 1) * FRAME / RATE if len(loud) else 0.0


class Microphone(MediaStreamTrack):
    """A track that is silent until it is given something to say, and keeps the time of a real microphone."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._rest = np.zeros(0, np.int16)
        self._words_left = 0
        self._said: Callable[[], None] | None = None
        self._sent = 0
        self._start: float | None = None

    def say(self, clip: Clip, said: Callable[[], None]) -> None:
        """Begin now; ``said`` is called when the last audible sample has left. What was still to say is dropped."""
        self._rest, self._said = clip.samples, said
        self._words_left = round(clip.voiced_s * RATE)

    async def recv(self) -> AudioFrame:
        """Return the next 20 ms when it is due."""
        if self._start is None:
            self._start = time.monotonic()
        await asyncio.sleep(max(0.0, self._start + self._sent / RATE - time.monotonic()))
        frame = AudioFrame.from_ndarray(self._take()[None, :], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._sent, Fraction(1, RATE)
        self._sent += FRAME
        return frame

    def _take(self) -> NDArray[np.int16]:
        piece, self._rest = self._rest[:FRAME], self._rest[FRAME:]
        self._words_left -= FRAME
        if self._said is not None and self._words_left <= 0:
            said, self._said = self._said, None
            said()
        return np.concatenate([piece, np.zeros(FRAME - len(piece), np.int16)])


class Ear:
    """Keeps what was heard where it was heard, and says when it became audible and when it was last audible.

    A server may send nothing while it is silent: a frame's place follows its RTP timestamp, not the frame before.
    """

    def __init__(self, edge: Callable[[bool, float], None]) -> None:
        self._edge = edge
        self._pieces: list[tuple[int, NDArray[np.int16]]] = []
        self._origin: float | None = None
        self._first: float = 0.0
        self._audible_at: float | None = None
        self.heard_s = 0.0
        """Seconds of audible sound."""

    @property
    def audible(self) -> bool:
        """Something sounds just now."""
        return self._audible_at is not None

    def begin(self, now: float) -> None:
        """Time zero of the recording."""
        self._origin = now

    def hear(self, frame: AudioFrame, now: float) -> None:
        """Take a decoded frame, s16 at any layout, that arrived at ``now``."""
        samples = _mono(frame)
        if self._origin is None:
            self.begin(now)
        at = float((frame.pts or 0) * (frame.time_base or Fraction(1, RATE)))
        if not self._pieces:
            self._first = now - at
        place = round((self._first + at - (self._origin or 0.0)) * RATE)
        if 0 <= place < LONGEST_S * RATE:
            self._pieces.append((place, samples))
        self._listen(samples, now)

    def tick(self, now: float) -> None:
        """Notice silence also when no frames come."""
        if self._audible_at is not None and now - self._audible_at > HANG_S:
            last, self._audible_at = self._audible_at, None
            self._edge(False, last)

    def recording(self) -> NDArray[np.int16]:
        """Return everything heard from :meth:`begin` on, with the silences between."""
        length = max((place + len(samples) for place, samples in self._pieces), default=0)
        whole = np.zeros(length, np.int16)
        for place, samples in self._pieces:
            whole[place : place + len(samples)] = samples
        return whole

    def write(self, path: Path) -> None:
        """Write the recording as a WAV file."""
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(self.recording().tobytes())

    def _listen(self, samples: NDArray[np.int16], now: float) -> None:
        self.tick(now)
        if len(samples) and np.sqrt((samples.astype(np.float64) ** 2).mean()) > AUDIBLE_RMS:
            self.heard_s += len(samples) / RATE
            began = self._audible_at is None
            self._audible_at = now
            if began:
                self._edge(True, now)


def _mono(frame: AudioFrame) -> NDArray[np.int16]:
    channels = len(frame.layout.channels)
    samples = frame.to_ndarray().reshape(-1)[: frame.samples * channels].reshape(-1, channels)
    mono: NDArray[np.int16] = samples.astype(np.int32).mean(axis=1).astype(np.int16)
    return mono
