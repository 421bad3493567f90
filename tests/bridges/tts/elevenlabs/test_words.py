from bridges.elevenlabs.wire import Alignment
from bridges.tts.elevenlabs.words import LONGEST_WORD, Words
from mediaserver.events import WordTime


def aligned(text: str, start: float = 0.0) -> Alignment:
    return Alignment(list(text), [start + 10.0 * index for index in range(len(text))], [10.0] * len(text))


def test_a_word_that_is_cut_between_two_pieces_is_one() -> None:
    words = Words()
    assert words.feed(aligned("Hi A")) == (WordTime("Hi", 0, 20),)
    assert words.feed(aligned("da, yes"), 500.0) == (WordTime("Ada,", 30, 530),)
    assert words.end() == (WordTime("yes", 540, 570),)
    assert words.end() == ()


def test_what_has_no_spaces_is_given_out_all_the_same() -> None:
    words = Words()
    assert [word.text for word in words.feed(aligned("字" * (LONGEST_WORD + 1)))] == ["字" * (LONGEST_WORD + 1)]
    assert words.end() == ()


def test_lists_of_different_lengths_are_no_trouble() -> None:
    words = Words()
    assert words.feed(Alignment(["a", " "], [1.0], [])) == ()
    words.end()
