"""Turns over a lossy line in virtual time: none of them is ended in its middle, and what ends one early is noticed."""

import numpy as np
import pytest

from benchmarks import turn_ends
from benchmarks.turn_ends import RATE, Turn, noticed, sent
from tests.clips import clip
from tests.servers.udp_impair import Fate, Weather

WHOLE = np.frombuffer(clip("goforward").pcm, "<i2")


def ends(turn: Turn, **weather: float) -> list[float]:
    return noticed(turn, Fate(Weather(delay_ms=turn_ends.DELAY_S * 1000, **weather), 1))


@pytest.mark.parametrize("loss", [0.0, 0.1, 0.2])
def test_loss_is_no_end(loss):
    turn = sent(WHOLE, round(loss * 100))
    [end] = ends(turn, loss=loss)
    assert end >= turn.ends


def test_a_long_pause_is_an_end_before_the_real_one():
    turn = sent(np.concatenate([WHOLE, np.zeros(RATE, np.int16), WHOLE]), 0)
    first, last = ends(turn)
    assert first < turn.ends <= last


def test_a_turn_is_sent_without_its_silence():
    turn = sent(WHOLE, 0)
    frames = round((len(WHOLE) + turn_ends.BEFORE + turn_ends.AFTER) / turn_ends.FRAME)
    assert 0 < len(turn.packets) < frames
