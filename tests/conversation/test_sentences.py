from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.conversation.sentences import Unrepeated, is_closed, split, whole_sentences

SAID = "We are open every day. The doors open at nine and"


def through(said: str, new: str, size: int = 1) -> tuple[str, Unrepeated]:
    one = Unrepeated(said)
    pieces = [new[at : at + size] for at in range(0, len(new), size)]
    return "".join(one.feed(piece) for piece in pieces) + one.finish(), one


@pytest.mark.parametrize(
    ("text", "closed"),
    [("Yes.", True), ('He said "no." ', True), ("Really?!", True), ("And then", False), ("3.5", False), ("", False)],
)
def test_where_a_text_is_closed(text: str, closed: bool) -> None:
    assert is_closed(text) is closed


def test_whole_sentences() -> None:
    assert whole_sentences(SAID) == "We are open every day."
    assert whole_sentences("All of it. ") == "All of it."
    assert whole_sentences("not yet") == ""
    assert whole_sentences("It is 3.5 km. Then") == "It is 3.5 km."


@given(st.text())
def test_split_loses_nothing(text: str) -> None:
    assert "".join(split(text)) == text


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
@pytest.mark.parametrize(
    ("new", "passed", "sentences"),
    [
        ("close at six. Anything else?", "close at six. Anything else?", 0),
        ("we are open, every day! The doors open at nine and close at six.", " close at six.", 1),
        ("The doors open at nine and close at six.", " close at six.", 0),
        ("We are open every day.", "", 1),
        ("We are open every Monday.", "We are open every Monday.", 0),
        ("We close at six.", "We close at six.", 0),
        ("\n close at six.", "\n close at six.", 0),
        ("The doors open", "The doors open", 0),
        ("", "", 0),
    ],
)
def test_what_is_let_through(size: int, new: str, passed: str, sentences: int) -> None:
    text, one = through(SAID, new, size)
    assert text.strip() == passed.strip()
    assert one.dropped_sentences == sentences
    assert one.dropped_characters == len(new) - len(text)
    assert one.holding == ""


def test_a_word_that_was_cut_in_the_middle_is_said_whole() -> None:
    text, _ = through("The doors open at nine and clo", "The doors open at nine and close at six.")
    assert text == "close at six."


def test_only_the_beginning_is_looked_at() -> None:
    new = "Close at six. We are open every day."
    assert through(SAID, new)[0] == new


def test_what_differs_is_not_held_back() -> None:
    one = Unrepeated(SAID)
    assert one.feed("We ") == ""
    assert one.holding == "We "
    assert one.feed("close") == "We close"
    assert one.feed(" at six.") == " at six."


def test_nothing_said_means_nothing_is_held() -> None:
    assert Unrepeated("").feed("We") == "We"


def test_one_endless_sentence_is_not_held_for_ever() -> None:
    said = "word " * 5000
    one = Unrepeated(said)
    assert sum(len(one.feed("word ")) for _ in range(1000)) + len(one.holding) == 5000
    assert len(one.holding) <= 2100


@given(st.text(alphabet="ab .!", max_size=40), st.text(alphabet="ab .!", max_size=40), st.integers(1, 5))
def test_what_is_let_through_is_always_the_end_of_what_came(said: str, new: str, size: int) -> None:
    text, one = through(said, new, size)
    assert new.endswith(text)
    assert one.dropped_characters == len(new) - len(text)


WORDS = st.lists(st.sampled_from(["one", "two", "three", "four"]), min_size=1, max_size=5)
SENTENCES = st.lists(WORDS.map(lambda words: " ".join(words) + "."), min_size=1, max_size=8, unique=True)


@given(SENTENCES, st.data())
def test_no_sentence_twice_when_the_new_reply_says_the_last_ones_again(
    sentences: list[str], data: st.DataObject
) -> None:
    again = data.draw(st.integers(0, len(sentences)))
    new = " ".join([*sentences[len(sentences) - again :], "Five is new."])
    text, one = through(" ".join(sentences), new, data.draw(st.integers(1, 9)))
    assert text.strip() == "Five is new."
    assert one.dropped_sentences == again
