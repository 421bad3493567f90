import asyncio

import numpy as np
import pytest

from signaling.evaluate.figures import figures
from signaling.evaluate.live import LiveCall, Microphone
from signaling.evaluate.player import Player
from signaling.headless.call import Target
from tests.servers.stock_answerer import stock_answerer
from tests.signaling.evaluate.stage import scored

BARGE_IN = """
caller:
  - {say: what time is it}
  - {say: stop it now please, kind: barge_in, when: {reply_ms: 400}}
"""


@pytest.mark.alone
async def test_a_call_is_played_and_its_marks_and_events_have_one_clock():
    async with stock_answerer(frames=100) as (url, calls):
        call = LiveCall(Target(url), scored(BARGE_IN), {"type": "semantic_vad"})
        async with asyncio.timeout(30):
            take = await call.run()
    first, second = take.said
    assert first.start_ms == 500 and take.problem == "" and take.unsaid == []
    assert take.moments("started")[0] > first.start_ms
    began = take.reply[0][0]
    assert second.start_ms >= began + 400 > first.end_ms
    assert take.moments("cleared")[0] > second.start_ms
    assert figures(take).barge_ins[0].stop_ms is not None
    assert calls[0].commands[0]["session"]["audio"]["input"]["turn_detection"] == {"type": "semantic_vad"}


async def test_the_microphone_is_silent_until_the_score_begins():
    microphone = Microphone(Player(scored("noise: {kind: white, snr_db: 10}\ncaller: [{say: a}]")))
    before = await microphone.recv()
    microphone.play()
    after = await microphone.recv()
    assert not before.to_ndarray().any() and np.abs(after.to_ndarray()).max() > 10
    assert (before.pts, after.pts, after.sample_rate) == (0, 320, 16000)
    assert microphone.began is not None
