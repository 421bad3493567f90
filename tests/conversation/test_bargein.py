import pytest

from mediaserver.conversation.bargein import asking, takes_floor


@pytest.mark.parametrize(
    "text",
    ["yes", "Yeah.", "right, okay", "I see", "uh-huh", "mm-hmm", "um", "oh yeah", "that\u2019s right", "ja genau", "ach so",
     "d'accord", "vale, claro", "s\u00ed", ""],
)  # fmt: skip
def test_backchannels_let_a_statement_go_on_and_answer_a_question(text: str) -> None:
    assert not takes_floor(text, final=True, asked=False)
    assert not takes_floor(text, final=False, asked=False)
    assert takes_floor(text, final=True, asked=True) is (text not in ("", "um"))


@pytest.mark.parametrize(
    "text",
    ["no", "stop", "wait", "hold on", "okay but", "yes no", "okay stop", "I see but", "nein", "attendez", "espera"],
)
def test_words_that_take_the_floor_at_once(text: str) -> None:
    assert takes_floor(text, final=False, asked=False)
    assert takes_floor(text, final=True, asked=True)


@pytest.mark.parametrize("text", ["I", "got", "that's", "okay I", "of"])
def test_a_part_that_may_become_a_backchannel_is_waited_for(text: str) -> None:
    assert not takes_floor(text, final=False, asked=False)
    assert takes_floor(text, final=True, asked=False)


def test_who_goes_on_saying_yes_wants_to_speak() -> None:
    assert takes_floor("yes yes yes yes yes", final=False, asked=False)
    assert not takes_floor("mm mm mm mm mm", final=True, asked=False)


@pytest.mark.parametrize(
    ("heard", "unheard", "asked"),
    [("Is that right?", "", True), ("Is that right? I could also", "do it.", True), ("Is that right?", "Then I book.", True),
     ("Is that right? I could also do it", "now.", False), ("Shall I", "go on?", True), ("I book it.", "Ready now?", True),
     ("Shall", "I book it for you?", False), ("It is", "done. Ok?", False), ("It is done.", "", False), ("", "", False)],
)  # fmt: skip
def test_when_a_question_has_been_asked(heard: str, unheard: str, asked: bool) -> None:
    assert asking(heard, unheard) is asked
