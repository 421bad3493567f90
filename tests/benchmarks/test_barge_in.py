"""An interruption over a real call in a bad network: the agent falls silent, and its caller notices."""

import numpy as np
import pytest

from benchmarks.barge_in import BAD, MISSED_S, interrupted
from tests.clips import clip

WORDS = np.frombuffer(clip("goforward").pcm, "<i2")

pytestmark = pytest.mark.campaign


async def test_an_agent_falls_silent_in_a_bad_network():
    tries, trip = await interrupted(BAD, [WORDS], 4.0)
    assert tries
    assert all(0 < each.ms < MISSED_S * 1000 for each in tries)
    assert trip > 50
