"""The phase of live sound within the clock."""

from __future__ import annotations

import random

import pytest

from mediaserver.rtc.rhythm import Rhythm


def test_the_rhythm_of_live_sound_is_found_once_and_followed_when_it_moves() -> None:
    rhythm, rng = Rhythm(), random.Random(1)
    changes = [rhythm.beat(n * 0.02 + 0.007 + rng.gauss(0, 0.001)) for n in range(500)]
    assert changes.count(True) == 1
    assert rhythm.phase == pytest.approx(0.007 + Rhythm.MARGIN, abs=0.001)
    assert any(rhythm.beat(n * 0.02 + 0.0195) for n in range(50))
    assert rhythm.phase == pytest.approx((0.0195 + Rhythm.MARGIN) % 0.02, abs=0.001)


def test_sound_in_bursts_has_no_rhythm() -> None:
    rhythm, rng = Rhythm(), random.Random(1)
    assert not any(rhythm.beat(rng.random()) for _ in range(1000))
    assert rhythm.phase is None
