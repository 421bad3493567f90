import pytest

from mediaserver.conversation.words import has_words, words


@pytest.mark.parametrize(
    ("text", "plain", "beyond_fillers"),
    [("", False, False), (" ... !", False, False), ("Mm-hmm.", True, False), ("uh, um", True, False), ("yes", True, True),
     ("uh stop", True, True), ("42", True, True), ("да", True, True)],
)  # fmt: skip
def test_what_is_a_word(text: str, plain: bool, beyond_fillers: bool) -> None:
    assert has_words(text) is plain
    assert has_words(text, fillers=True) is beyond_fillers


def test_words_keep_their_apostrophes() -> None:
    assert words("I'd say: don't_stop, it\u2019s 5!") == ["i'd", "say", "don't", "stop", "it\u2019s", "5"]
