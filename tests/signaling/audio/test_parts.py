import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.audio.parts import parts


@pytest.mark.parametrize(
    ("text", "longest", "expected"),
    [
        ("", 20, []),
        ("  \n ", 20, []),
        ("Short.", 20, ["Short."]),
        ("One two three. Four five six. Seven.", 20, ["One two three.", "Four five six.", "Seven."]),
        ('He said "go." And went far away', 20, ['He said "go."', "And went far away"]),
        ("First par\n\nSecond. Third.", 20, ["First par", "Second. Third."]),
        ("one two three four five six seven", 20, ["one two three four", "five six seven"]),
        ("x" * 45, 20, ["x" * 20, "x" * 20, "x" * 5]),
        ("这是第一句。这是第二句话。完了", 10, ["这是第一句。", "这是第二句话。完了"]),
    ],
)
def test_it_is_cut_where_one_would_breathe(text: str, longest: int, expected: list[str]) -> None:
    assert parts(text, longest) == expected


@given(st.text(max_size=400), st.integers(4, 50))
def test_nothing_is_lost_and_nothing_is_too_long(text: str, longest: int) -> None:
    found = parts(text, longest)
    assert "".join("".join(found).split()) == "".join(text.split())
    assert all(0 < len(part) <= longest for part in found)
