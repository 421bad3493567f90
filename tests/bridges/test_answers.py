from bridges.answers import Answers, as_text
from mediaserver.events import (
    AudioDelta,
    AudioDone,
    ResponseCreated,
    ResponseDone,
    TextDelta,
    TextDone,
    ToolCalled,
)


def names(events: object) -> list[str]:
    return [type(each).__name__ for each in events]  # type: ignore[attr-defined]


def test_an_answer_is_bracketed_once_and_its_text_joined() -> None:
    answers = Answers()
    told = [
        *answers.sentence("One.", "voice"),
        *answers.audio(b"\0\0"),
        *answers.sentence("Two."),
        *answers.finish(),
        *answers.finish(),
    ]
    created, first, sound, second, sound_done, text_done, done = told
    assert isinstance(created, ResponseCreated)
    assert created.voice == "voice"
    assert (first, second) == (
        TextDelta(created.response_id, sound.item_id, "One."),
        TextDelta(created.response_id, sound.item_id, " Two."),
    )
    assert isinstance(sound, AudioDelta)
    assert sound_done == AudioDone(created.response_id, sound.item_id)
    assert text_done == TextDone(created.response_id, sound.item_id, "One. Two.")
    assert done == ResponseDone(created.response_id)


def test_those_that_were_asked_for_get_their_names_in_order() -> None:
    answers = Answers()
    answers.ask("first")
    answers.ask("second")
    order = []
    for _ in range(3):
        order.append(answers.begin()[0].response_id)  # type: ignore[attr-defined]
        answers.finish()
    assert order[:2] == ["first", "second"]
    assert order[2].startswith("resp_")


def test_a_refusal_takes_the_last_name_back() -> None:
    answers = Answers()
    assert answers.refused() is None
    answers.ask("first")
    answers.ask("second")
    assert answers.refused() == "second"
    assert answers.begin()[0].response_id == "first"  # type: ignore[attr-defined]


def test_functions_end_the_answer_so_that_they_can_be_run() -> None:
    answers = Answers()
    answers.audio(b"\0\0")
    told = answers.calls([("c1", "f", "{}"), ("c2", "g", "{}")])
    assert names(told) == ["AudioDone", "ToolCalled", "ToolCalled", "ResponseDone"]
    assert len({each.response_id for each in told}) == 1  # type: ignore[attr-defined]
    assert len({each.item_id for each in told if isinstance(each, ToolCalled)}) == 2
    assert names(answers.audio(b"\0\0")) == ["ResponseCreated", "AudioDelta"]


def test_what_is_unwanted_is_dropped_until_its_end_also_before_it_began() -> None:
    answers = Answers()
    answers.audio(b"\0\0")
    active = answers.active
    assert active is not None
    answers.unwanted(active.id, "client_cancelled")
    assert not answers.audio(b"\0\0")
    assert not answers.text("more")
    assert answers.finish() == (ResponseDone(active.id, "cancelled", "client_cancelled"),)
    answers.ask("later")
    answers.unwanted("later", "turn_detected")
    answers.unwanted("nobody's", "turn_detected")
    assert names(answers.audio(b"\0\0")) == ["ResponseCreated"]
    assert answers.finish() == (ResponseDone("later", "cancelled", "turn_detected"),)


def test_functions_after_an_unwanted_answer_are_an_answer_of_their_own() -> None:
    answers = Answers()
    answers.audio(b"\0\0")
    first = answers.active
    assert first is not None
    answers.unwanted(first.id, "client_cancelled")
    told = answers.calls([("c1", "f", "{}")])
    assert names(told) == ["ResponseDone", "ResponseCreated", "ToolCalled", "ResponseDone"]
    assert told[0].response_id == first.id != told[1].response_id  # type: ignore[attr-defined]


def test_a_cut_says_no_more_than_that() -> None:
    answers = Answers()
    assert answers.cut() == ()
    answers.sentence("One.")
    active = answers.active
    assert active is not None
    assert answers.cut() == (ResponseDone(active.id, "cancelled", "turn_detected"),)


def test_a_written_answer_says_so_where_it_begins() -> None:
    answers = Answers()
    spoken = [*answers.text("One."), *answers.finish()]
    written = as_text(spoken)
    assert written[0].modalities == ("text",)  # type: ignore[attr-defined]
    assert [*written[1:]] == spoken[1:]


def test_packets_are_sound_of_the_answer_until_nobody_wants_it() -> None:
    answers = Answers()
    created, delta = answers.packet(b"\x78123", "voice")
    assert isinstance(created, ResponseCreated)
    assert isinstance(delta, AudioDelta)
    assert (delta.response_id, delta.pcm, delta.packets) == (created.response_id, b"", (b"\x78123",))
    answers.unwanted(created.response_id, "client_cancelled")
    assert answers.packet(b"\x78123") == ()
    answers.cut()
    assert names([*answers.packet(b"\x78123"), *answers.finish()]) == [
        "ResponseCreated", "AudioDelta", "AudioDone", "ResponseDone",
    ]  # fmt: skip
