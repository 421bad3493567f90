"""Whole calls with stock aiortc as the client, against the server as a user starts it."""

import wave
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bridges.local.recogniser import Recogniser, open_recogniser
from bridges.options import LocalRecogniser
from signaling.headless.call import Target
from signaling.headless.conversation import Conversation
from signaling.headless.record import Record
from signaling.headless.scoring import word_error_rate
from signaling.headless.script import Turn
from tests import clips
from tests.servers.impaired_door import impaired_door
from tests.servers.udp_impair import Weather
from tests.servers.voice_server import VoiceServer, voice_server

pytestmark = [pytest.mark.engines, pytest.mark.alone]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[VoiceServer]:
    async with voice_server() as running:
        yield running


def spoken(tmp_path, name: str, **options) -> Turn:
    clip, path = clips.clip(name), tmp_path / f"{name}.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(clips.RATE)
        file.writeframes(clip.pcm)
    return Turn("wav", str(path), expect=clip.text, **options)


async def hold(url: str, *turns: Turn, model: str = "local") -> Conversation:
    conversation = Conversation(Target(url, model), list(turns), Record(lambda line: None))
    await conversation.run()
    return conversation


async def test_three_spoken_turns_are_understood_and_answered(server, tmp_path):
    turns = [spoken(tmp_path, name) for name in ("cards_003", "english123", "goforward")]
    held = await hold(server.url, *turns)
    record = held.record
    assert record.ok, record.as_data()
    rates = [turn.word_error_rate for turn in record.turns]
    assert sum(rates) / len(rates) <= 0.4, rates
    for turn in record.turns:
        assert word_error_rate(turn.transcript, turn.answer.text.replace("I heard:", "")) < 1.0
        assert turn.stages[0]["name"] == "end_of_turn"


STARTS = (0, 2000, 4000, 6000)
"""Bytes left out at the start of a recording, all within the silence before the reply: the embedded recogniser hears the
same samples differently when its 10 ms windows fall elsewhere, and that is not what the wire is judged by."""


async def heard_from(engine: Recogniser, sound: bytes) -> str:
    async with engine.utterance(lambda partial: None) as utterance:
        for at in range(0, len(sound), 640):
            utterance.feed(sound[at : at + 640])
        return (await utterance.finish()).text


async def test_what_came_over_the_wire_is_recognised_back_to_the_last_word(server, tmp_path):
    said = "we will meet at the station in the morning"
    held = await hold(server.url, Turn("text", f"repeat after me {said}"))
    held.ear.write(tmp_path / "reply.wav")
    sound = clips.read_wav((tmp_path / "reply.wav").read_bytes())
    async with open_recogniser(LocalRecogniser(workers=1)) as engine:
        heard = [await heard_from(engine, sound[start:]) for start in STARTS]
    best = min(heard, key=lambda text: word_error_rate(said, text))
    print(f"said {said!r}, heard {heard!r}, word error rate {word_error_rate(said, best):.0%}")
    assert best.split()[-1] == "morning"
    assert word_error_rate(said, best) <= 0.25


async def test_a_barge_in_cuts_the_answer_and_the_ledger_knows_where(server, tmp_path):
    held = await hold(server.url, Turn("text", "count to twenty"), spoken(tmp_path, "cards_001", barge_in=2.0))
    first, second = held.record.turns
    assert held.record.ok, held.record.as_data()
    cut = first.answer.interrupted
    assert cut is not None
    assert cut["text"].lower().startswith("one")
    assert "twenty" in cut["unheard"].lower()
    assert 1500 <= cut["played_ms"] <= 4500
    assert second.answer.text


async def test_a_call_through_loss_and_jitter_is_still_answered(server, tmp_path):
    weather = Weather(loss=0.05, delay_ms=20, jitter_ms=30)
    async with impaired_door(server.url, weather, seed=5) as (url, proxies):
        held = await hold(url, spoken(tmp_path, "cards_001"))
    assert held.record.ok, held.record.as_data()
    assert held.record.turns[0].transcript
    assert proxies[0].up.counts["lost"] > 0
