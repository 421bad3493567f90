import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.hybrid.markup import Markup


def spoken(text: str, step: int) -> str:
    markup = Markup()
    return "".join(markup.feed(text[at : at + step]) for at in range(0, len(text), step)) + markup.flush()


@pytest.mark.parametrize("step", [1, 2, 5, 1000])
@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("This is **bold** and *light* and `code`.", "This is bold and light and code."),
        ("# Title\n- one\n- two\n", "Title\none\ntwo\n"),
        ("See [the docs](https://example.org/x) now.", "See the docs now."),
        ("A list [1] and [open", "A list [1] and [open"),
        ("Great \U0001f600 job \u2764\ufe0f!", "Great job !"),
        ("2 * 3 = 6, snake_case - and 5 - 4", "2 * 3 = 6, snake_case - and 5 - 4"),
        ("```python\nx\n```\nDone.", "\nx\n\nDone."),
    ],
)
def test_says_only_what_can_be_said(written: str, said: str, step: int) -> None:
    assert spoken(written, step) == said


def test_does_not_wait_longer_than_a_word() -> None:
    assert Markup().feed("Hello there ") == "Hello there "


@given(st.text(alphabet="ab, .!?'\n", max_size=200), st.integers(1, 20))
def test_leaves_plain_text_alone(text: str, step: int) -> None:
    assert spoken(text, step) == text
