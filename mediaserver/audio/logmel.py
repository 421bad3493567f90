"""What Whisper's encoder hears: a picture of the sound in mel bands, as models that were trained on it want it. Pure.

Windows of 25 ms every 10 ms, 80 bands of equal width on Slaney's mel scale (M. Slaney, "Auditory Toolbox", 1998), the
logarithm of their power down to 80 dB below the loudest (A. Radford et al., "Robust Speech Recognition via Large-Scale Weak
Supervision", 2022, section 2.2, and OpenAI's ``whisper/audio.py``).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

RATE = 16000
BANDS = 80
HOP = 160

_WINDOW = 400
_RANGE = 8.0  # decades of power
_LOWEST = 1e-10
_STEADY = 1e-7  # keeps silence from being divided by nothing

Floats = npt.NDArray[np.float32]


def log_mel(samples: npt.NDArray[np.int16]) -> Floats:
    """Return the picture, ``BANDS`` rows of one column for each ``HOP`` samples, about -1 to 1; ``samples`` are at ``RATE``.

    The loudness of the whole is evened out first: mean 0, variance 1.
    """
    sound = samples.astype(np.float32) / np.float32(32768)
    sound = (sound - sound.mean()) / np.sqrt(sound.var() + np.float32(_STEADY))
    mirrored = np.pad(sound, _WINDOW // 2, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(mirrored, _WINDOW)[: samples.size // HOP * HOP : HOP]
    spectrum = np.fft.rfft(windows * _HANN)
    power = _FILTERS @ (spectrum.real**2 + spectrum.imag**2).T
    level = np.log10(np.maximum(power, _LOWEST))
    return np.asarray((np.maximum(level, level.max() - _RANGE) + 4) / 4, np.float32)


def _filters() -> npt.NDArray[np.float64]:
    """Return the bands' triangles over the bins of the spectrum, each of area one: ``BANDS`` rows of bins."""
    corners = _hertz(np.linspace(0, _mel(RATE / 2), BANDS + 2))
    bins = np.linspace(0, RATE / 2, _WINDOW // 2 + 1)
    low, middle, high = (corners[at : at + BANDS, None] for at in range(3))
    triangles = np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle))
    return np.asarray(np.maximum(0, triangles) * 2 / (high - low))


def _mel(hertz: float) -> float:
    """Slaney's scale above 1 kHz, where it is logarithmic: 27 steps for a factor of 6.4."""
    return float(15 + 27 * np.log(hertz / 1000) / np.log(6.4))


def _hertz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Linear up to 1 kHz, which is 15 mel."""
    return np.where(mel < 15, mel * 200 / 3, 1000 * 6.4 ** ((mel - 15) / 27))


_HANN = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
_FILTERS = _filters().astype(np.float32)
