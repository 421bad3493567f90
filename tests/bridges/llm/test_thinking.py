from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bridges.llm.thinking import Thinking

TEXT = "a <think>b < c </thinking> d</think>e <thin> f<think>g"


@given(st.lists(st.integers(0, len(TEXT)), max_size=10))
def test_leaves_out_thoughts_however_it_is_cut(cuts: list[int]) -> None:
    thinking, edges = Thinking(), [0, *sorted(cuts), len(TEXT)]
    spoken = "".join(thinking.feed(TEXT[begin:end]) for begin, end in pairwise(edges))
    assert spoken + thinking.flush() == "a e <thin> f"


def test_gives_plain_text_at_once() -> None:
    assert Thinking().feed("hello") == "hello"
