"""Where in a sound the voice is. Pure: float32 samples at :data:`RATE` of any level."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from signaling.evaluate.noise import RATE, Samples

FRAME = RATE // 100
"""Samples of 10 ms: how finely the edges of a voice are found."""
AUDIBLE = 0.02
"""What is weaker than this part of the loudest 10 ms is the silence around a voice."""
ABOVE_ROOM = 3.0
LOUD = 0.06
"""So many times louder than its room is a voice, and in any case what is this part of its loudest 10 ms."""
PAUSE_MS = 200
"""Silence that is shorter lies between two words or within one, and is no pause."""


def stretches(samples: Samples) -> list[tuple[int, int]]:
    """Return from where to where there is a voice, in samples, to 10 ms; what lies between two of them is a pause.

    A recording has a room around its voice: what is not well above the quietest tenth of it is no voice. All of a sound is
    one stretch when nothing stands out.
    """
    loud = np.flatnonzero(_loud(samples))
    if not len(loud):
        return [(0, len(samples))]
    gaps = np.flatnonzero(np.diff(loud) > PAUSE_MS // 10)
    starts = [int(loud[0]), *(int(loud[gap + 1]) for gap in gaps)]
    ends = [*(int(loud[gap]) for gap in gaps), int(loud[-1])]
    return [(start * FRAME, (end + 1) * FRAME) for start, end in zip(starts, ends, strict=True)]


def _loud(samples: Samples) -> NDArray[np.bool_]:
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    levels = np.sqrt((frames**2).mean(axis=1))
    loudest = levels.max(initial=0)
    room = ABOVE_ROOM * np.quantile(levels, 0.1) if len(levels) else 0.0
    loud: NDArray[np.bool_] = levels > max(AUDIBLE * loudest, min(room, LOUD * loudest))
    return loud


def trimmed(samples: Samples) -> Samples:
    """Return the voice without the silence around it."""
    found = stretches(samples)
    return samples[found[0][0] : found[-1][1]]


def level_of(samples: Samples) -> float:
    """Return the RMS of what is audible in it; the pauses between words do not count."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    powers = (frames.astype(np.float64) ** 2).mean(axis=1)
    loud = powers[powers > (0.1**2) * powers.max(initial=0)]
    return float(np.sqrt(loud.mean())) if len(loud) else 0.0
