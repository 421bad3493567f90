"""How a voice sounds at its end: does it come to rest, or is it held because there is more to say? Pure.

Speakers let pitch and loudness fall at the end of what they say and hold them level where they will go on (A. Gravano and
J. Hirschberg, "Turn-taking cues in task-oriented dialogue", 2011). Asked only when speech has stopped, never per frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LOOK_MS = 500
"""How much of the end of a voice is looked at."""

_WINDOW_MS, _HOP_MS = 40, 10
_LOWEST_HZ, _HIGHEST_HZ = 70, 400
_PERIODIC = 0.5  # normalised autocorrelation from which on there is a pitch
_AS_GOOD = 0.85  # the first summit nearly as high as the highest is the period, later ones are its multiples
_ENOUGH = 10  # frames with a pitch
_OCTAVE_ST = 7.0  # further from the median than this is an error of the estimate
_RATE = 8000

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Prosody:
    """The end of a voice against what was just before it.

    ``pitch_st``: how far the last pitch lies above the median of what was looked at, in semitones, ``None`` without a clear
    pitch. ``level_db``: the same of the level. Negative is falling.
    """

    pitch_st: float | None
    level_db: float


def prosody(pcm: bytes, rate: int) -> Prosody | None:
    """Look at the end of a voice, PCM16 mono that ends with its last voiced sample; ``None`` when it is too short."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)[-(rate * LOOK_MS // 1000) :]
    samples = _decimated(samples, max(1, rate // _RATE))
    rate = rate // max(1, rate // _RATE)
    size, hop = rate * _WINDOW_MS // 1000, rate * _HOP_MS // 1000
    if samples.size < size + _ENOUGH * hop:
        return None
    windows = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]
    levels = 10 * np.log10(np.mean(windows**2, axis=1) + 1.0)
    return Prosody(_final_pitch(windows, levels, rate), float(np.mean(levels[-8:]) - np.median(levels)))


def _decimated(samples: Floats, step: int) -> Floats:
    """Average neighbours: crude, and good enough for a pitch below 400 Hz."""
    return np.asarray(samples[: samples.size // step * step].reshape(-1, step).mean(axis=1))


def _final_pitch(windows: Floats, levels: Floats, rate: int) -> float | None:
    track = _track(windows, levels, rate)
    track = track[np.abs(track - np.median(track)) < _OCTAVE_ST] if track.size else track
    if track.size < _ENOUGH:
        return None
    return float(np.median(track[-5:]) - np.median(track))


def _track(windows: Floats, levels: Floats, rate: int) -> Floats:
    """Return the pitch in semitones of those windows that have one, in order."""
    centred = (windows - windows.mean(axis=1, keepdims=True)) * np.hanning(windows.shape[1])
    spectrum = np.fft.rfft(centred, 2 * windows.shape[1], axis=1)
    alike = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, : windows.shape[1]]
    taper = np.hanning(windows.shape[1])
    own = np.correlate(taper, taper, "full")[windows.shape[1] - 1 :]
    alike = alike / np.maximum(alike[:, :1], 1.0) / (own / own[0] + 1e-3)
    shortest, longest = rate // _HIGHEST_HZ, rate // _LOWEST_HZ
    found = alike[:, shortest : longest + 1]
    best = found[:, 1:-1].max(axis=1, keepdims=True)
    summit = (found[:, 1:-1] >= found[:, :-2]) & (found[:, 1:-1] >= found[:, 2:])
    lags = (summit & (found[:, 1:-1] > _AS_GOOD * best)).argmax(axis=1) + shortest + 1
    clear = (best[:, 0] > _PERIODIC) & (levels > levels.max() - 25)
    return np.asarray(12 * np.log2(rate / lags[clear] / 100.0))
