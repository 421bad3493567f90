import io
import wave

from signaling.headless.call import Target
from signaling.headless.conversation import Conversation
from signaling.headless.record import Record
from signaling.headless.script import Turn
from signaling.headless.sound import RATE
from tests import clips
from tests.servers.stock_answerer import stock_answerer


def saved(tmp_path, name: str) -> str:
    path = tmp_path / f"{name}.wav"
    with io.BytesIO() as buffer:
        with wave.open(buffer, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(clips.RATE)
            file.writeframes(clips.clip(name).pcm)
        path.write_bytes(buffer.getvalue())
    return str(path)


async def test_two_spoken_turns_with_a_barge_in_and_a_written_one(tmp_path):
    turns = [
        Turn("wav", saved(tmp_path, "cards_001")),
        Turn("wav", saved(tmp_path, "cards_003"), barge_in=0.2),
        Turn("text", "hello"),
    ]
    async with stock_answerer(frames=60) as (url, _):
        conversation = Conversation(Target(url), turns, Record(lambda line: None), answer_timeout_s=8)
        await conversation.run()
    record = conversation.record
    assert record.ok, record.as_data()
    assert [len(turn.answer.response_ids) > 0 for turn in record.turns] == [True, True, True]
    first, second, _ = record.turns
    answer_began = first.answer.first_sound_ms
    assert answer_began is not None
    assert second.started_ms >= answer_began
    assert second.started_ms < answer_began + 1200, "into the answer, not after it"
    assert conversation.ear.heard_s > 1.0
    assert len(conversation.ear.recording()) > RATE
