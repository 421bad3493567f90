from fractions import Fraction

import pytest

from bridges.local.numbers import calculate, in_figures, in_words, spoken_number


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("seven", 7),
        ("forty two", 42),
        ("forty-two", 42),
        ("one hundred and five", 105),
        ("two thousand three hundred", 2300),
        ("a hundred", 100),
        ("three million", 3_000_000),
        ("minus 7", -7),
        ("1,000", 1000),
        ("three point one four", Fraction("3.14")),
        ("2.5", Fraction("2.5")),
        ("oslo", None),
        ("", None),
        ("three point ten", None),
        ("hundred", None),
    ],
)
def test_reads_numbers(words: str, value: Fraction | None) -> None:
    assert spoken_number(words) == value


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("seven times eight", 56),
        ("10 minus four", 6),
        ("one hundred and five plus two", 107),
        ("nine divided by two", Fraction(9, 2)),
        ("6*7", 42),
        ("two and two", 4),
        ("ten minus minus two", 12),
        ("the capital of france", None),
        ("seven", None),
    ],
)
def test_calculates(words: str, value: Fraction | None) -> None:
    assert calculate(words) == value


def test_division_by_zero() -> None:
    with pytest.raises(ZeroDivisionError):
        calculate("one divided by zero")


def test_writes_numbers() -> None:
    assert [in_figures(Fraction(value)) for value in ("56", "7/2", "1/3")] == ["56", "3.5", "0.333"]
    assert [in_words(value) for value in (0, 13, 20, 42, 100)] == [
        "zero",
        "thirteen",
        "twenty",
        "forty two",
        "one hundred",
    ]
    assert all(spoken_number(in_words(value)) == value for value in range(101))
