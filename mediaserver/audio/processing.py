"""What can be done to the sound of a file once it is decoded: less noise, another loudness. In place, a piece at a time."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediaserver.audio.denoise import Denoiser, find_denoiser
from mediaserver.audio.loudness import Sound, normalise

_PIECE_S = 10


@dataclass(frozen=True, slots=True)
class Processing:
    """What is wanted. ``loudness`` in LUFS, none: as it is. ``denoise`` needs ``pip install 'mediaserver[denoise]'``."""

    denoise: bool = False
    loudness: float | None = None


NONE: Final = Processing()

Process = Callable[[Sound, int], None]
"""Changes a sound of so many Hz."""


class FileSound:
    """PCM16 mono in an open file, which is read and written where it is. Raises OSError."""

    def __init__(self, descriptor: int, samples: int) -> None:
        self._descriptor = descriptor
        self._samples = samples

    def __len__(self) -> int:
        return self._samples

    def read(self, start: int, stop: int) -> NDArray[np.int16]:
        """Return the samples from ``start`` up to ``stop`` or the end."""
        stop = min(stop, self._samples)
        return np.frombuffer(os.pread(self._descriptor, 2 * max(0, stop - start), 2 * start), "<i2")

    def write(self, start: int, pcm: NDArray[np.int16]) -> None:
        """Put samples in place of those from ``start`` on."""
        os.pwrite(self._descriptor, pcm.astype("<i2").tobytes(), 2 * start)


def prepared(wanted: Processing) -> Process:
    """Load what is needed and return what does it. Raises ConfigError when a package is missing."""
    make = find_denoiser() if wanted.denoise else None

    def process(sound: Sound, rate: int) -> None:
        if make is not None:
            _denoise(sound, rate, make(rate))
        if wanted.loudness is not None:
            normalise(sound, rate, wanted.loudness)

    return process


def _denoise(sound: Sound, rate: int, denoiser: Denoiser) -> None:
    for start in range(0, len(sound), _PIECE_S * rate):
        pcm = sound.read(start, start + _PIECE_S * rate)
        sound.write(start, np.frombuffer(denoiser.feed(pcm.tobytes()), "<i2"))
