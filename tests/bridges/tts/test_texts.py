import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridges.tts.texts import has_words, parts, size_in_bytes


@pytest.mark.parametrize(
    ("text", "limit", "wanted"),
    [
        ("One two. Three four. Five.", 22, ["One two. Three four.", "Five."]),
        ("It costs 3.14 a month. Or 4.", 23, ["It costs 3.14 a month.", "Or 4."]),
        ("He said “no.” She left.", 16, ["He said “no.”", "She left."]),
        ("First the one, then the other thing", 20, ["First the one,", "then the other thing"]),
        ("no stop and no comma here", 12, ["no stop and", "no comma", "here"]),
        ("Donaudampfschifffahrt", 8, ["Donaudam", "pfschiff", "fahrt"]),
        ("今日は雨。明日は晴れ。", 8, ["今日は雨。", "明日は晴れ。"]),
        ("short", 100, ["short"]),
    ],
)
def test_a_text_is_cut_at_the_best_place(text: str, limit: int, wanted: list[str]) -> None:
    assert parts(text, limit) == wanted


def test_a_limit_in_bytes_never_splits_a_character() -> None:
    cut = parts("äöü ÄÖÜ ßßß", 8, size_in_bytes)
    assert cut == ["äöü", "ÄÖÜ", "ßßß"]


@pytest.mark.parametrize("text", ["", "   ", "...", "—", "?!", "🙂", "“ ”", "_"])
def test_what_says_nothing_is_not_asked_for(text: str) -> None:
    assert not has_words(text) and parts(text, 10) == []


@settings(max_examples=40)
@given(st.text(alphabet="ab .,!é。\n", max_size=120), st.integers(min_value=4, max_value=40))
def test_every_word_is_in_one_part_and_no_part_is_too_long(text: str, limit: int) -> None:
    for size in (len, size_in_bytes):
        cut = parts(text, limit, size)
        assert all(0 < size(part) <= limit for part in cut)
        assert [letter for part in cut for letter in part if has_words(letter)] == [c for c in text if has_words(c)]
