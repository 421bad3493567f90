import pytest

from tests.servers import toned
from tests.servers.minds import Brain, Call, Ear, Line, Reply

USER = Line("user", "what time is it")
TOOL = {
    "name": "get_weather",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "unit": {"enum": ["C", "F"]}, "days": {"type": "integer"}},
    },
}


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 48000])
def test_an_ear_finds_the_turns_in_real_sound(rate: int) -> None:
    word = toned.speak(3, 4, rate)
    ear = Ear(rate, silence_ms=400)
    sound = bytes(2 * rate // 2) + word + bytes(2 * rate) + word + bytes(2 * rate)
    edges = [edge for start in range(0, len(sound), 1001) for edge in ear.feed(sound[start : start + 1001])]
    assert [edge.kind for edge in edges] == ["start", "stop"] * 2
    assert abs(edges[0].at_ms - 500) <= 40
    assert abs(edges[1].at_ms - (500 + 1120)) <= 40
    assert edges[1].heard_ms - edges[1].at_ms == 400


def test_an_ear_hears_no_turn_in_a_click_and_silence() -> None:
    ear = Ear(16000)
    assert ear.feed(bytes(32000) + b"\xff\x7f" * 500 + bytes(32000)) == []


def test_a_short_answer_and_the_same_again() -> None:
    assert Brain().answer([USER]) == Reply(("You said what time is it.", "That is my answer."))
    assert toned.number("You said what time is it.") != toned.number("That is my answer.")


def test_transcripts_are_told_in_turn_and_the_last_one_stays() -> None:
    brain = Brain("one", "two")
    assert [brain.heard() for _ in range(3)] == ["one", "two", "two"]


@pytest.mark.parametrize(("text", "count"), [("a long answer", 8), ("count to five", 5), ("please count to 12", 12)])
def test_long_answers_are_numbered(text: str, count: int) -> None:
    answer = Brain().answer([Line("user", text)])
    assert isinstance(answer, Reply)
    assert [toned.number(each) for each in answer.sentences] == list(range(1, count + 1))


@pytest.mark.parametrize("text", ["use the tool", "please get_weather now"])
def test_a_tool_is_called_with_arguments_of_its_schema_and_its_output_is_said(text: str) -> None:
    lines = [Line("user", text)]
    assert Brain().answer(lines, [TOOL]) == Call("get_weather", {"city": "text", "unit": "C", "days": 1})
    assert Brain().answer(lines) == Brain().answer(lines, [])
    told = [*lines, Line("call", "get_weather"), Line("output", "sunny")]
    answer = Brain().answer(told, [TOOL])
    assert isinstance(answer, Reply)
    assert "sunny" in answer.sentences[0]


@pytest.mark.parametrize(
    "tail",
    [
        [Line("assistant", "Sentence one of the answer. Sentence two of")],
        [Line("assistant", "Sentence one of the answer. Sentence two of"), Line("user", "Please continue")],
        [Line("assistant", "Sentence one of the answer. Sentence two of"), Line("system", "Please continue")],
        [Line("system", "You said: Sentence one of the answer. Sentence two, now continue")],
    ],
)
def test_an_answer_that_was_cut_goes_on_with_what_was_not_begun(tail: list[Line]) -> None:
    answer = Brain().answer([Line("user", "count to four"), *tail])
    assert answer == Reply(("Sentence three of the answer.", "Sentence four of the answer."))


def test_a_new_question_after_a_cut_answer_is_a_new_one() -> None:
    lines = [Line("user", "count to four"), Line("assistant", "Sentence one of"), USER]
    assert Brain().answer(lines) == Brain().answer([USER])
    done = Brain().answer([Line("user", "count to one"), Line("assistant", "Sentence one of the answer.")])
    assert done == Reply(("That was all.",))
