import pytest

from mediaserver.conversation.words import has_words, words


@pytest.mark.parametrize(
    ("text", "some"), [("", False), (" ... !", False), ("Mm-hmm.", True), ("42", True), ("да", True)]
)
def test_what_is_a_word(text: str, some: bool) -> None:
    assert has_words(text) is some


def test_words_keep_their_apostrophes() -> None:
    assert words("I'd say: don't_stop, it\u2019s 5!") == ["i'd", "say", "don't", "stop", "it\u2019s", "5"]
