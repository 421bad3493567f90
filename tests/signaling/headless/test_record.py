import json

from signaling.headless.record import Record
from signaling.headless.script import Turn


def recorded():
    lines: list[str] = []
    record = Record(lines.append)
    record.say(Turn("wav", "hello.wav", expect="go forward ten meters"), 1.0, 2.0)
    record.event({"type": "input_audio_buffer.speech_started", "item_id": "i1"}, 1.2, "oai-events")
    record.said(3.0, answered=False)
    return record, lines


def test_a_turn_with_its_answer():
    record, lines = recorded()
    transcript = {"type": "conversation.item.input_audio_transcription.completed", "item_id": "i1"}
    record.event({**transcript, "transcript": "go forward ten"}, 3.4, "oai-events")
    record.event({"type": "response.created", "response": {"id": "r1"}}, 3.5, "oai-events")
    record.sound(True, 3.8)
    words = {"type": "response.output_audio_transcript.done", "response_id": "r1", "transcript": "Going."}
    record.event(words, 3.9, "oai-events")
    record.event({"type": "response.done", "response": {"id": "r1", "status": "completed"}}, 4.0, "oai-events")
    record.sound(False, 5.0)
    (turn,) = record.turns
    assert (turn.transcript, turn.word_error_rate, turn.latency_ms) == ("go forward ten", 0.25, 800)
    assert (turn.answer.text, turn.answer.status) == ("Going.", "completed")
    assert (turn.answer.first_sound_ms, turn.answer.last_sound_ms) == (3800, 5000)
    assert record.ok
    assert any("800 ms after your last word" in line for line in lines)


def test_without_sound_or_words_there_was_no_answer():
    record, _ = recorded()
    assert not record.ok


def test_a_call_without_turns_is_no_success():
    assert not Record(lambda line: None).ok


def test_an_interruption_is_kept_with_the_reply_that_was_cut():
    record, _ = recorded()
    record.event({"type": "response.created", "response": {"id": "r1"}}, 3.5, "oai-events")
    record.say(Turn("wav", "stop.wav", barge_in=1.0), 4.5, 1.0)
    record.event({"type": "response.created", "response": {"id": "r2"}}, 6.0, "oai-events")
    cut = {"type": "interrupted", "response_id": "r1", "played_ms": 900, "text": "one two", "unheard": "three"}
    record.event(cut, 5.0, "mediaserver-events")
    first, second = record.turns
    assert first.answer.interrupted is not None
    assert first.answer.interrupted["unheard"] == "three"
    assert second.answer.interrupted is None
    assert second.answer.response_ids == ["r2"]


def test_an_echo_is_an_answer_without_a_latency():
    record = Record(lambda line: None)
    record.say(Turn("wav", "hello.wav"), 1.0, 2.0)
    record.sound(True, 1.2)
    record.said(3.0, answered=True)
    assert record.ok
    assert record.turns[0].answer.first_sound_ms == 1200
    assert record.turns[0].latency_ms is None


def test_stages_belong_to_the_turn_of_their_item():
    record, _ = recorded()
    stages = [{"name": "end_of_turn", "start_ms": 0, "end_ms": 500}]
    record.event({"type": "turn", "item_id": "i1", "response_id": "r1", "stages": stages}, 4.0, "mediaserver-events")
    assert record.turns[0].stages == stages


def test_errors_and_unknown_events_are_kept():
    record, _ = recorded()
    record.event({"type": "error", "error": {"message": "no such voice"}}, 4.0, "oai-events")
    record.event({"type": "rate_limits.updated"}, 4.1, "oai-events")
    data = json.loads(json.dumps(record.as_data()))
    assert data["problems"] == ["the server says: no such voice"]
    assert [event["type"] for event in data["events"][-2:]] == ["error", "rate_limits.updated"]
    assert data["ok"] is False
