from bridges.ultravox.turns import Turns
from mediaserver.events import InputCommitted, SpeechStarted, SpeechStopped, TranscriptFailed, TranscriptPartial


def names(events: object) -> list[str]:
    return [type(each).__name__ for each in events]  # type: ignore[attr-defined]


def test_speech_that_is_no_turn_is_no_item() -> None:
    turns = Turns()
    (cough,) = turns.started(100)
    assert not turns.started(120)
    turns.stopped(200)
    assert not turns.stopped(220)
    (speech,) = turns.started(900)
    assert isinstance(cough, SpeechStarted)
    assert isinstance(speech, SpeechStarted)
    assert cough.item_id != speech.item_id
    assert turns.taken(1500) == (SpeechStopped(speech.item_id, 1500), InputCommitted(speech.item_id, None))
    assert not turns.taken(1600)


def test_words_without_speech_are_a_turn_too() -> None:
    turns = Turns()
    events = [*turns.partial("he", 100), *turns.final("hello", 300)]
    assert names(events) == [
        "SpeechStarted",
        "TranscriptPartial",
        "SpeechStopped",
        "InputCommitted",
        "TranscriptFinal",
    ]
    assert len({each.item_id for each in events}) == 1  # type: ignore[attr-defined]


def test_words_after_the_end_of_the_turn_belong_to_it() -> None:
    turns = Turns()
    turns.started(0)
    _, committed = turns.taken(500)
    assert isinstance(committed, InputCommitted)
    assert turns.partial("he", 600) == (TranscriptPartial(committed.item_id, "he"),)
    assert names(turns.final("hello", 700)) == ["TranscriptFinal"]


def test_a_turn_whose_words_never_came_has_failed_when_the_next_is_taken() -> None:
    turns = Turns()
    turns.started(0)
    _, first = turns.taken(500)
    turns.started(900)
    lost = turns.taken(1500)[0]
    assert isinstance(first, InputCommitted)
    assert isinstance(lost, TranscriptFailed)
    assert lost.item_id == first.item_id
