from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from mediaserver.audio.likeness import ALIKE, WINDOW_MS, likeness
from tests import clips

CLIPS = ["librivox_0870", "librivox_0880", "librivox_0930", "something", "goforward"]
PER_MS = 16


@cache
def spoken(name: str) -> np.ndarray:
    """A clip from its first sound on, at -24 dBFS."""
    samples = np.frombuffer(clips.clip(name).pcm, "<i2").astype(np.float64)
    loud = np.flatnonzero(np.abs(samples) > 0.1 * np.abs(samples).max())
    samples = samples[loud[0] :]
    return samples * 32768 * 10 ** (-24 / 20) / np.sqrt(np.mean(samples[:16000] ** 2))


def pcm(samples: np.ndarray) -> bytes:
    return np.clip(np.rint(samples), -32768, 32767).astype("<i2").tobytes()


def through_a_room(samples: np.ndarray, lag_ms: int, loss_db: float, reverberation_s: float = 0.3) -> np.ndarray:
    """What a microphone hears of a small, overdriven loudspeaker in a room whose sound is as strong as the direct one."""
    chance = np.random.default_rng(3)
    length = round(reverberation_s * 16000)
    room = chance.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    room /= np.sqrt(np.sum(room**2))
    room[0] = 1.0
    size = 1 << (len(samples) + length).bit_length()
    hertz = np.fft.rfftfreq(size, 1 / 16000)
    small = 1 / (1 + 1j * hertz / 5000) / (1 - 1j * 300 / np.maximum(hertz, 1))
    driven = np.tanh(samples / 6000) * 6000
    wet = np.fft.irfft(np.fft.rfft(driven, size) * small * np.fft.rfft(room, size), size)
    heard = np.concatenate([np.zeros(lag_ms * PER_MS), wet])[: len(samples)] * 10 ** (-loss_db / 20)
    return heard + chance.normal(0, 10, len(samples))


def laid_beside(ours: np.ndarray, microphone: np.ndarray, at_ms: int) -> float:
    """How alike the last of the microphone at this moment is to what we had played 80 ms before it."""
    played = ours[max(0, at_ms - 680) * PER_MS : max(0, at_ms - 80) * PER_MS]
    return likeness(pcm(played), 16000, pcm(microphone[(at_ms - WINDOW_MS) * PER_MS : at_ms * PER_MS]), 16000)


@pytest.mark.parametrize("lag_ms", [90, 210, 480])
@pytest.mark.parametrize("name", CLIPS)
def test_our_own_voice_is_known_by_its_first_80_ms(name: str, lag_ms: int) -> None:
    ours = spoken(name)
    for loss_db in (4, 20):
        assert laid_beside(ours, through_a_room(ours, lag_ms, loss_db), lag_ms + WINDOW_MS + 10) > ALIKE


@pytest.mark.skipif(not clips.clip("something").human, reason="where nobody was recorded, all clips are one voice")
def test_another_voice_is_told_from_ours_almost_always() -> None:
    found = [
        laid_beside(spoken(ours), np.concatenate([np.zeros(start_ms * PER_MS), spoken(theirs)]), start_ms + WINDOW_MS)
        for ours in CLIPS
        for theirs in CLIPS
        for start_ms in (150, 300, 450)
        if ours != theirs
    ]
    assert sum(one < ALIKE for one in found) >= 0.85 * len(found)


@pytest.mark.parametrize(("play_rate", "hear_rate"), [(24000, 16000), (8000, 8000), (48000, 48000)])
def test_the_rates_may_differ(play_rate: int, hear_rate: int) -> None:
    def sweep(rate: int, start_s: float, length_s: float) -> bytes:
        times = np.arange(round(start_s * rate), round((start_s + length_s) * rate)) / rate
        return pcm(6000 * np.sin(2 * np.pi * (200 * times + 1000 * times**2)))

    whole, part = sweep(play_rate, 0, 0.6), sweep(hear_rate, 0.3, 0.08)
    assert likeness(whole, play_rate, part, hear_rate) > 0.9


def test_noise_over_an_echo_is_allowed_for() -> None:
    ours = spoken("something")
    noisy = through_a_room(ours, 200, 10)
    level = np.sqrt(np.mean(noisy[210 * PER_MS : 290 * PER_MS] ** 2))
    noisy = noisy + np.random.default_rng(5).normal(0, level, len(noisy))
    played, heard = pcm(ours[: 210 * PER_MS]), pcm(noisy[210 * PER_MS : 290 * PER_MS])
    alone = likeness(played, 16000, heard, 16000)
    assert likeness(played, 16000, heard, 16000, noise_db=-3.0) == pytest.approx(min(1.0, alone * 2**0.5), rel=0.01)


def test_nothing_is_like_nothing() -> None:
    assert likeness(b"", 16000, bytes(2560), 16000) == 0.0
    assert likeness(bytes(6400), 16000, b"", 16000) == 0.0
    assert likeness(bytes(6400), 16000, bytes(2560), 16000) == 0.0
