import numpy as np
import pytest

from signaling.evaluate.noise import RATE
from signaling.evaluate.voiced import level_of, stretches, trimmed

MS = RATE // 1000


def tone(ms, level=0.5):
    return (level * np.sin(np.arange(ms * MS) * 0.1)).astype(np.float32)


def silence(ms):
    return np.zeros(ms * MS, np.float32)


def test_the_silence_around_a_voice_is_found_and_taken_away():
    sound = np.concatenate([silence(200), tone(300), silence(400)])
    assert stretches(sound) == [(200 * MS, 500 * MS)]
    assert len(trimmed(sound)) == 300 * MS


def test_a_pause_is_longer_than_the_silence_between_two_words():
    sound = np.concatenate([tone(300), silence(150), tone(100), silence(300), tone(200)])
    assert stretches(sound) == [(0, 550 * MS), (850 * MS, 1050 * MS)]


def test_the_room_of_a_recording_is_no_voice():
    room = np.random.default_rng(1).normal(0, 0.006, RATE).astype(np.float32)
    room[250 * MS : 500 * MS] += tone(250)
    assert stretches(room) == [(250 * MS, 500 * MS)]


@pytest.mark.parametrize("length", [0, 100, RATE])
def test_where_nothing_stands_out_all_of_it_is_one(length):
    assert stretches(np.zeros(length, np.float32)) == [(0, length)]
    assert level_of(np.zeros(length, np.float32)) == 0


def test_the_level_is_that_of_the_voice_and_not_of_its_pauses():
    assert level_of(np.concatenate([silence(900), tone(100)])) == pytest.approx(0.5 / 2**0.5, rel=0.02)
