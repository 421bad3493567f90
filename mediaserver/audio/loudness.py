"""How loud a recording is to the ear, and making all recordings equally loud without clipping. Plain numpy, bounded memory.

Sources: ITU-R BS.1770-5 (K-weighting, gating, true peak) and EBU R 128, for mono.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float32]

TARGET = -19.0
"""LUFS of mono speech that is as loud as stereo at -16, which is what podcasts have."""

CEILING_DB = -1.0
"""dBTP that no peak exceeds, also between two samples."""

MOST_GAIN_DB = 30.0
"""What is quieter by more is noise."""

_ABSOLUTE, _RELATIVE = -70.0, -10.0
_STEP_S, _STEPS = 0.1, 4  # blocks of 400 ms, one every 100 ms
_CHUNK_S = 10
_IMPULSE_S = 0.25  # the response of the weighting filters is below -90 dB after it
_AHEAD = 5  # milliseconds in which the limiter lets go before a peak, and comes back after it
_FULL = np.float32(32768.0)


class Sound(Protocol):
    """PCM16 mono that is read and written piece by piece."""

    def __len__(self) -> int: ...
    def read(self, start: int, stop: int) -> NDArray[np.int16]:
        """Return the samples from ``start`` up to ``stop`` or the end."""
        ...

    def write(self, start: int, pcm: NDArray[np.int16]) -> None:
        """Put samples in place of those from ``start`` on."""
        ...


def loudness(sound: Sound, rate: int) -> float:
    """Return the integrated loudness in LUFS, minus infinity where nothing is above the gate. ``rate`` from 8000 Hz."""
    step = int(_STEP_S * rate)
    energy = np.concatenate([_energies(weighted, step) for weighted in _weighted(sound, rate, step)] or [np.zeros(0)])
    if len(energy) < _STEPS:  # less than a block: what there is of it
        return _lufs(float(energy.mean())) if len(energy) else -np.inf
    blocks = np.convolve(energy, np.full(_STEPS, 1 / _STEPS), "valid")
    heard = blocks[blocks > _power(_ABSOLUTE)]
    if not len(heard):
        return -np.inf
    return _lufs(float(heard[heard > heard.mean() * 10 ** (_RELATIVE / 10)].mean()))


def normalise(sound: Sound, rate: int, target: float = TARGET) -> float:
    """Bring ``sound`` to ``target`` LUFS in place and return the gain in dB; peaks are held below :data:`CEILING_DB`."""
    measured = loudness(sound, rate)
    if not np.isfinite(measured):
        return 0.0
    gain_db = float(np.clip(target - measured, -MOST_GAIN_DB, MOST_GAIN_DB))
    gain = np.float32(10 ** (gain_db / 20))
    curve = _limited(_peaks(sound, rate, gain), gain)
    block = rate // 1000
    for start in range(0, len(sound), _CHUNK_S * 1000 * block):
        pcm = sound.read(start, start + _CHUNK_S * 1000 * block)
        louder = pcm * _gains(curve, start // block, len(pcm), block)
        sound.write(start, np.clip(np.rint(louder, out=louder), -32768, 32767).astype(np.int16))
    return gain_db


def _gains(curve: Floats, first: int, count: int, block: int) -> Floats:
    """Return the gain of each sample from the start of millisecond ``first`` on: the curve's, joined by lines."""
    here = curve[max(0, first - 1) : first + -(-count // block) + 1]
    if here.min() == here.max():
        return here[:1]
    at = (np.arange(count) + 0.5) / block - 0.5 + min(first, 1)
    return np.interp(at, np.arange(len(here)), here).astype(np.float32)


def _lufs(power: float) -> float:
    return -0.691 + 10 * float(np.log10(max(power, 1e-12)))


def _power(lufs: float) -> float:
    return float(10 ** ((lufs + 0.691) / 10))


def _energies(weighted: Floats, step: int) -> NDArray[np.float64]:
    whole = weighted[: len(weighted) // step * step].reshape(-1, step).astype(np.float64)
    energies: NDArray[np.float64] = np.einsum("ij,ij->i", whole, whole) / step
    return energies


def _weighted(sound: Sound, rate: int, step: int) -> Iterator[Floats]:
    """Yield the K-weighted sound in chunks of whole steps."""
    response = _response(rate)
    size = 1 << (_CHUNK_S * rate).bit_length()
    chunk = (size - len(response)) // step * step
    shape = np.fft.rfft(response, size).astype(np.complex64)
    history = np.zeros(len(response) - 1, np.float32)
    for start in range(0, len(sound), chunk):
        samples = np.concatenate((history, sound.read(start, start + chunk).astype(np.float32) / _FULL))
        filtered = np.fft.irfft(np.fft.rfft(samples, size) * shape, size)
        yield filtered[len(history) : len(samples)].astype(np.float32)
        history = samples[len(samples) - len(history) :]


@cache
def _response(rate: int) -> NDArray[np.float64]:
    """Return the impulse response of the two K-weighting filters of BS.1770, moved from 48 kHz to ``rate``."""
    length = int(_IMPULSE_S * rate)
    hertz: NDArray[np.float64] = np.arange(4 * length + 1) * rate / (8 * length)
    shape: NDArray[np.complex128] = np.multiply(_shelf(hertz, rate), _high_pass(hertz, rate))
    return np.fft.irfft(shape, 8 * length)[:length]


def _shelf(hertz: NDArray[np.float64], rate: int) -> NDArray[np.complex128]:
    k = np.tan(np.pi * 1681.974450955533 / rate)
    high, q = 10 ** (3.999843853973347 / 20), 0.7071752369554196
    band = high**0.4996667741545416
    over = (high + band * k / q + k * k, 2 * (k * k - high), high - band * k / q + k * k)
    return _biquad(over, (1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k), hertz, rate)


def _high_pass(hertz: NDArray[np.float64], rate: int) -> NDArray[np.complex128]:
    k, q = np.tan(np.pi * 38.13547087602444 / rate), 0.5003270373238773
    under = (1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k)
    return _biquad((under[0], -2 * under[0], under[0]), under, hertz, rate)


def _biquad(
    over: tuple[float, float, float], under: tuple[float, float, float], hertz: NDArray[np.float64], rate: int
) -> NDArray[np.complex128]:
    z = np.exp(-2j * np.pi * hertz / rate)
    response: NDArray[np.complex128] = (over[0] + over[1] * z + over[2] * z * z) / (
        under[0] + under[1] * z + under[2] * z * z
    )
    return response


def _peaks(sound: Sound, rate: int, gain: np.float32) -> Floats:
    """Return the peak of each millisecond, a share of full scale; also between the samples where ``gain`` makes it loud."""
    block, found = rate // 1000, []
    chunk = _CHUNK_S * 1000 * block
    for start in range(0, len(sound), chunk):
        pcm = sound.read(max(0, start - _REACH), start + chunk + _REACH).astype(np.float32) / _FULL
        around = np.concatenate(
            (np.zeros(max(0, _REACH - start), np.float32), pcm, np.zeros(block + _REACH, np.float32))
        )
        blocks = -(-min(chunk, len(sound) - start) // block)
        windows = sliding_window_view(around, block + 2 * _REACH)[: blocks * block : block]
        peaks = np.abs(windows[:, _REACH:-_REACH]).max(axis=1)
        loud = np.flatnonzero(peaks * gain > _MAY_EXCEED)
        between = sliding_window_view(windows[loud], 2 * _REACH, axis=1)[:, 1 : 1 + block] @ _between()
        peaks[loud] = np.maximum(peaks[loud], np.abs(between).max(axis=(1, 2), initial=0))
        found.append(peaks)
    return np.concatenate(found) if found else np.zeros(0, np.float32)


_REACH = 12
_MAY_EXCEED = 0.4
"""What is less loud at its samples is not too loud between them."""


@cache
def _between() -> Floats:
    """Return the filters that tell the sound a quarter, a half and three quarters of a sample after each one."""
    taps = np.arange(-_REACH + 1, _REACH + 1)
    made = []
    for part in (0.25, 0.5, 0.75):
        window = np.cos(np.pi * (taps - part) / (2 * _REACH + 1)) ** 2
        filter_ = np.sinc(taps - part) * window
        made.append(filter_ / filter_.sum())
    return np.array(made, np.float32).T


def _limited(peaks: Floats, gain: np.float32) -> Floats:
    """Return the gain of each millisecond: ``gain``, and less around what would be too loud, without a step."""
    ceiling = np.float32(10 ** (CEILING_DB / 20))
    allowed = np.minimum(gain, ceiling / np.maximum(peaks, 1e-6)).astype(np.float32)
    if not len(allowed) or allowed.min() >= gain:
        return np.full(max(1, len(peaks)), gain, np.float32)
    # The least of what is near, then its mean over as much: nowhere more than is allowed there.
    least = sliding_window_view(np.pad(allowed, 2 * _AHEAD, mode="edge"), 2 * _AHEAD + 1).min(axis=1)
    return np.convolve(least, np.full(2 * _AHEAD - 1, 1 / (2 * _AHEAD - 1)), "same")[_AHEAD:-_AHEAD].astype(np.float32)
