"""The examples of the other dialects do what they say, against the real server with its embedded model."""

import wave

import pytest

from tests import clips
from tests.examples.program import load

pytestmark = [pytest.mark.engines]


async def test_the_rtvi_caller_is_answered(server):
    answer = await load("rtvi_caller").call(server.url, "what is two plus three")
    assert "five" in answer.lower() or "5" in answer


async def test_what_the_whip_publisher_plays_is_written_down_and_answered(server, tmp_path):
    question = tmp_path / "question.wav"
    with wave.open(str(question), "wb") as file:
        file.setparams((1, 2, clips.RATE, 0, "NONE", ""))
        file.writeframes(bytes(clips.RATE) + clips.clip("goforward").pcm + bytes(3 * clips.RATE))
    said, answer = await load("whip_publish").publish(server.url, str(question))
    assert said.strip()
    assert answer.strip()
