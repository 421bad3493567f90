"""Noise under a call and noises in it, made anew each time from a seed. Pure: float32 samples at :data:`RATE`, RMS 1."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

RATE = 16000
"""Hz, mono."""

Samples = NDArray[np.float32]


def white(seconds: float, seed: int) -> Samples:
    """Return noise of all frequencies alike: a fan, a bad line."""
    return np.random.default_rng(seed).standard_normal(round(seconds * RATE)).astype(np.float32)


def pink(seconds: float, seed: int) -> Samples:
    """Return noise that falls by 3 dB an octave: a street, a room."""
    shape = np.fft.rfft(white(seconds, seed))
    hertz = np.fft.rfftfreq(round(seconds * RATE), 1 / RATE)
    shape *= 1 / np.sqrt(np.maximum(hertz, 20.0))
    return unit(np.fft.irfft(shape, round(seconds * RATE)).astype(np.float32))


def babble(seconds: float, seed: int, voices: Sequence[Samples]) -> Samples:
    """Return several voices at once, each repeating what it says from a place of its own: a full restaurant."""
    places = np.random.default_rng(seed).integers(0, 1 << 30, len(voices))
    length = round(seconds * RATE)
    whole = np.zeros(length, np.float32)
    for voice, place in zip(voices, places, strict=True):
        whole += np.resize(np.roll(voice, int(place) % max(1, len(voice))), length)
    return unit(whole)


def unit(samples: Samples) -> Samples:
    """Return the sound at RMS 1; silence stays silence."""
    level = float(np.sqrt(np.mean(samples.astype(np.float64) ** 2))) if len(samples) else 0.0
    return samples / np.float32(level) if level > 0 else samples


# --- single noises ----------------------------------------------------------------------------------------------------


def _cough(seed: int) -> Samples:
    """Two bursts of breath, the second one weaker."""
    burst = _band(white(0.18, seed), 250, 3500) * _decay(0.18, 0.05)
    return np.concatenate([burst, np.zeros(round(0.12 * RATE), np.float32), 0.6 * burst])


def _knock(seed: int) -> Samples:
    knock = _band(white(0.08, seed), 80, 1200) * _decay(0.08, 0.012)
    return np.concatenate([knock, np.zeros(round(0.15 * RATE), np.float32), knock])


def _typing(seed: int) -> Samples:
    """Ten keys in a second and a half."""
    chance = np.random.default_rng(seed)
    whole = np.zeros(round(1.5 * RATE), np.float32)
    for key in range(10):
        at = round((0.15 * key + 0.05 * chance.random()) * RATE)
        click = (_band(white(0.03, seed + key), 1500, 7000) * _decay(0.03, 0.006))[: len(whole) - at]
        whole[at : at + len(click)] += click
    return whole


def _horn(_seed: int) -> Samples:
    """Two notes and their overtones for 0.6 s."""
    times = np.arange(round(0.6 * RATE)) / RATE
    notes = sum(np.sin(2 * np.pi * hertz * part * times) / part for hertz in (420, 500) for part in range(1, 6))
    return np.asarray(notes, np.float32)


BURSTS: dict[str, Callable[[int], Samples]] = {"cough": _cough, "knock": _knock, "typing": _typing, "horn": _horn}


def burst(name: str, seed: int) -> Samples:
    """Return one noise of :data:`BURSTS` at RMS 1."""
    return unit(BURSTS[name](seed))


def _band(samples: Samples, low: float, high: float) -> Samples:
    shape = np.fft.rfft(samples)
    hertz = np.fft.rfftfreq(len(samples), 1 / RATE)
    shape[(hertz < low) | (hertz > high)] = 0
    return np.fft.irfft(shape, len(samples)).astype(np.float32)


def _decay(seconds: float, tau: float) -> Samples:
    return np.exp(-np.arange(round(seconds * RATE)) / (tau * RATE)).astype(np.float32)
