from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.llm.citations import LONGEST, Citations

TEXT = (
    "It snowed.[[1]](https://x.ai/a) A [b] (c) [[2]](https://en.wikipedia.org/wiki/S_(x)) and so "
    "([site.com](https://s/?a=b)) on [[d]] (e [f] ([g] h"
)
SPOKEN = "It snowed. A [b] (c) and so on [[d]] (e [f] ([g] h"


@given(st.lists(st.integers(0, len(TEXT)), max_size=12))
def test_leaves_out_sources_however_the_text_is_cut(cuts: list[int]) -> None:
    filtered, edges = Citations(), [0, *sorted(cuts), len(TEXT)]
    spoken = "".join(filtered.feed(TEXT[begin:end]) for begin, end in pairwise(edges))
    assert spoken + filtered.flush() == SPOKEN


def test_letter_by_letter() -> None:
    filtered = Citations()
    assert "".join(map(filtered.feed, TEXT)) + filtered.flush() == SPOKEN


@pytest.mark.parametrize("text", ["hello", "3 (or 4) and", "a [b] c"])
def test_gives_plain_text_at_once(text: str) -> None:
    assert Citations().feed(text) == text


def test_what_never_ends_is_text() -> None:
    filtered = Citations()
    assert "x" * 100 in filtered.feed("([" + "x" * (LONGEST + 100)) + filtered.feed("y")
