from __future__ import annotations

import pytest

from bridges.elevenlabs.alignment import word_times
from bridges.elevenlabs.wire import Alignment
from mediaserver.events import WordTime


def aligned(text: str, step: float = 10.0) -> Alignment:
    return Alignment(list(text), [step * index for index in range(len(text))], [step] * len(text))


def test_characters_become_words_in_the_time_of_the_answer() -> None:
    assert word_times(aligned("Hi Ada, yes"), 500) == (
        WordTime("Hi", 500, 520),
        WordTime("Ada,", 530, 570),
        WordTime("yes", 580, 610),
    )


@pytest.mark.parametrize("text", ["", " ", "   "])
def test_where_nothing_is_said_there_are_no_words(text: str) -> None:
    assert word_times(aligned(text), 0) == ()


def test_lists_of_different_lengths_are_read_as_far_as_all_go() -> None:
    assert word_times(Alignment(list("one two"), [0.0, 10.0, 20.0], [10.0] * 7), 0) == (WordTime("one", 0, 30),)
