from __future__ import annotations

import numpy as np
import pytest

from mediaserver.audio.levels import SILENCE_DB, Envelope, NoiseFloor, dbfs, is_silent
from tests.fakes.caller import tone


def noise(ms: int, level_db: float, rate: int = 16000, seed: int = 1) -> bytes:
    samples = np.random.default_rng(seed).normal(0, 32768 * 10 ** (level_db / 20), rate * ms // 1000)
    return bytes(np.clip(samples, -32768, 32767).astype("<i2").tobytes())


@pytest.mark.parametrize("level", [-3.1, -20.0, -45.0, -60.0])
def test_levels_of_tones(level: float) -> None:
    assert dbfs(tone(20, level_db=level)) == pytest.approx(level, abs=0.5)


def test_silence() -> None:
    assert is_silent(bytes(640))
    assert is_silent(bytes(10000))
    assert not is_silent(bytes(639) + b"\x01")
    assert dbfs(bytes(640)) == dbfs(b"") == SILENCE_DB


def test_the_envelope_knows_every_20_ms_however_the_sound_is_cut() -> None:
    sound = tone(100, level_db=-20) + bytes(3200) + tone(50, level_db=-40)
    whole, pieces = Envelope(16000), Envelope(16000)
    whole.feed(sound)
    for at in range(0, len(sound), 334):
        pieces.feed(sound[at : at + 334])
    assert whole.levels == pieces.levels
    assert [whole.at(ms) for ms in (0, 80, 100, 180, 210)] == [-20, -20, -96, -96, -40]
    assert whole.at(250) == whole.at(-20) == SILENCE_DB


def test_the_floor_is_the_noise_of_the_room_not_the_speech_in_it() -> None:
    floor = NoiseFloor()
    for number in range(500):
        speaking = number % 60 > 30
        floor.feed(dbfs(noise(20, -20 if speaking else -50, seed=number)))
    assert floor.level == pytest.approx(-50, abs=3)


def test_the_floor_falls_at_once_and_rises_slowly() -> None:
    floor = NoiseFloor()
    for _ in range(300):
        floor.feed(-40)
    assert floor.level == pytest.approx(-38.5)
    for _ in range(20):
        floor.feed(-60)
    assert floor.level < -55
    for _ in range(50):
        floor.feed(-30)
    assert floor.level < -55
    for _ in range(200):
        floor.feed(-30)
    assert floor.level == pytest.approx(-28.5)


def test_the_floor_stays_in_its_bounds() -> None:
    floor = NoiseFloor()
    for _ in range(200):
        floor.feed(SILENCE_DB)
    assert floor.level == NoiseFloor.LOWEST_DB + NoiseFloor.BIAS_DB
    for _ in range(400):
        floor.feed(0)
    assert floor.level == NoiseFloor.HIGHEST_DB


def test_levels_that_are_known_stand_beside_those_that_were_measured() -> None:
    envelope = Envelope(16000)
    envelope.feed(tone(20, 16000, -20.0))
    for level in (-25.4, -200.0, 3.0):
        envelope.add(level)
    assert [envelope.at(ms) for ms in (0, 20, 40, 60, 80)] == [-20, -25, SILENCE_DB, 0, SILENCE_DB]
