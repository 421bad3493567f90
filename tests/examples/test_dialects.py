"""The examples of the other dialects do what they say, against the real server with its embedded model."""

import importlib.util
import wave
from pathlib import Path

import pytest

from tests import clips
from tests.servers.voice_server import voice_server

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

pytestmark = pytest.mark.engines


def load(name: str):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert "usage: python" in (module.__doc__ or "")
    return module


async def test_the_rtvi_caller_is_answered():
    async with voice_server() as server:
        answer = await load("rtvi_caller").call(server.url, "what is two plus three")
    assert "five" in answer.lower() or "5" in answer


async def test_what_the_whip_publisher_plays_is_written_down_and_answered(tmp_path):
    question = tmp_path / "question.wav"
    with wave.open(str(question), "wb") as file:
        file.setparams((1, 2, clips.RATE, 0, "NONE", ""))
        file.writeframes(bytes(clips.RATE) + clips.clip("goforward").pcm + bytes(3 * clips.RATE))
    async with voice_server() as server:
        said, answer = await load("whip_publish").publish(server.url, str(question))
    assert said.strip()
    assert answer.strip()
