"""What is left to be spoken."""

import pytest

from bridges.backup.remainder import remainder
from mediaserver.events import WordTime

TEXT = "One two three four."


@pytest.mark.parametrize(
    ("seconds", "left"), [(0.0, TEXT), (0.1, "two three four."), (0.5, "three four."), (0.9, "four."), (9.0, "")]
)
def test_by_the_length_of_the_sound(seconds: float, left: str) -> None:
    assert remainder(TEXT, (), seconds) == left


def test_by_the_times_of_the_words() -> None:
    words = tuple(WordTime(word, at, at + 300) for at, word in ((0, "One"), (400, "two"), (800, "three")))
    assert remainder(TEXT, words, 0.5) == "three four."
    assert remainder(TEXT, words, 0.9) == "four."


def test_a_faster_voice_has_said_more() -> None:
    assert remainder(TEXT, (), 0.45, speed=2.0) == "four."
