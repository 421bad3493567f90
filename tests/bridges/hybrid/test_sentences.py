import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.hybrid.sentences import LONGEST_CHARS, Clauses


def cut(text: str, step: int = 3) -> list[str]:
    clauses = Clauses()
    pieces = [piece for at in range(0, len(text), step) for piece in clauses.feed(text[at : at + step])]
    return [*pieces, *clauses.flush()]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Hello! How are you doing today? Fine.", ["Hello! ", "How are you doing today? ", "Fine."]),
        ("Well, let me think about it, then. Good.", ["Well, let me think about it, ", "then. Good."]),
        ("Pi is 3.14 and it is 10:30, or $29.95 exactly.", ["Pi is 3.14 and it is 10:30, ", "or $29.95 exactly."]),
        ("Ask Dr. Smith or J. R. Ewing. He is in.", ["Ask Dr. Smith or J. R. Ewing. ", "He is in."]),
        ("See https://example.org/a.b?c=1 for the rest. Bye now.", None),
        ("One, two, three, four, five, six. That was it.", ["One, two, three, ", "four, five, six. That was it."]),
        ("今日は。元気です。", ["今日は。", "元気です。"]),
        ("1. Open the door. 2. Close it again.", ["1. Open the door. ", "2. Close it again."]),
    ],
)
def test_cuts_where_a_speaker_would(text: str, pieces: list[str] | None) -> None:
    assert cut(text) == (pieces or ["See https://example.org/a.b?c=1 for the rest. ", "Bye now."])


def test_the_first_piece_is_ready_before_the_sentence_is() -> None:
    clauses = Clauses()
    assert clauses.feed("That is a good question, ") == ["That is a good question, "]
    assert clauses.feed("and the answer, as always, ") == []
    assert clauses.feed("is yes. ") == ["and the answer, as always, is yes. "]


def test_gives_a_fragment_when_the_writer_pauses() -> None:
    clauses = Clauses()
    clauses.feed("Let me look that u")
    assert clauses.stalled() == ["Let me look that "]
    assert clauses.stalled() == []
    assert clauses.feed("p. ") == []
    assert clauses.flush() == ["up. "]


def test_never_gives_silence() -> None:
    assert cut(" ... \n -- !") == []


@given(st.text(alphabet="ab1.,!? \n-", max_size=600), st.integers(1, 40))
def test_loses_and_invents_nothing(text: str, step: int) -> None:
    joined = "".join(cut(text, step))
    assert text.startswith(joined)
    assert not any(letter.isalnum() for letter in text[len(joined) :])


@given(st.text(alphabet="abc, ", max_size=2000))
def test_no_piece_is_too_long(text: str) -> None:
    assert all(len(piece.strip()) <= LONGEST_CHARS for piece in cut(text)[:-1])
