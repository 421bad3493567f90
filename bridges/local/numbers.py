"""Numbers as people say them: words to values and small arithmetic. Pure."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from fractions import Fraction

_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_UNITS = {word: value for value, word in enumerate(_ONES)} | {"oh": 0, "a": 1}
_TEN_WORDS = {word: value * 10 for value, word in enumerate(_TENS, 2)}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000}

_OPERATORS: tuple[tuple[str, Callable[[Fraction, Fraction], Fraction]], ...] = (
    (r"times|multiplied by|\*|x", operator.mul),
    (r"divided by|over|/", operator.truediv),
    (r"plus|and|added to|\+", operator.add),
    (r"minus|less|-", operator.sub),
)


def spoken_number(text: str) -> Fraction | None:
    """Return the value of ``forty two``, ``three point five``, ``minus 7`` or ``1,000``; None when it is no number."""
    text = text.strip().replace(",", "").replace("-", " ")
    if text.startswith(("minus ", "negative ")):
        positive = spoken_number(text.partition(" ")[2])
        return None if positive is None else -positive
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return Fraction(text)
    whole, point, decimals = text.partition(" point ")
    value = _whole(whole.split())
    digits = [_UNITS.get(word, 10) for word in decimals.split()]
    if value is None or (point and (not digits or max(digits) > 9)):
        return None
    return Fraction(value) + sum(Fraction(digit, 10**place) for place, digit in enumerate(digits, 1))


def _whole(words: list[str]) -> int | None:
    total = current = 0
    known = False
    for word in words:
        if word in _SCALES and known:
            current = max(current, 1) * _SCALES[word]
            if word != "hundred":
                total, current = total + current, 0
        elif word in _UNITS or word in _TEN_WORDS or word.isdigit():
            current += _UNITS[word] if word in _UNITS else _TEN_WORDS.get(word) or int(word)
            known = True
        elif word != "and":
            return None
    return total + current if known else None


def calculate(text: str) -> Fraction | None:
    """Return the value of ``seven times eight`` or ``10 minus four``; None when it is not arithmetic of two numbers.

    Raises ZeroDivisionError.
    """
    for pattern, operate in _OPERATORS:
        for found in re.finditer(rf"(?<!\S)(?:{pattern})(?!\S)|(?<=\d)(?:{pattern})(?=\d)", text):
            left, right = spoken_number(text[: found.start()]), spoken_number(text[found.end() :])
            if left is not None and right is not None:
                return operate(left, right)
    return None


def in_figures(value: Fraction) -> str:
    """Return a value as it is written: ``56``, ``3.5``, ``0.333``."""
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.3f}".rstrip("0")


def in_words(value: int) -> str:
    """Return 0 to 100 in words."""
    if value == 100:
        return "one hundred"
    if value < len(_ONES):
        return _ONES[value]
    tens, one = divmod(value, 10)
    return _TENS[tens - 2] + (f" {_ONES[one]}" if one else "")
