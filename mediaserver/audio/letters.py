"""How long a text is when it is spoken, in letters: numbers and signs are spoken longer than they are written. Pure.

Measured with two voices whose words were found by forced alignment (``python -m benchmarks.cuts``): the letters of a text
are a better measure of its length than its syllables, once a digit counts as the word it is.
"""

from __future__ import annotations

_DIGIT = 4.0
"""Letters of a digit, about: "four", "seven", the half of "nineteen ninety-eight"."""
_SIGN = 7.0
"""Letters of a sign that is spoken: "dollars", "percent"."""
_SIGNS = frozenset("$€£¥%&@+=")


def letters(text: str) -> float:
    """Return the letters of a text as it is spoken, with its spaces and stops as one each."""
    return sum(map(_letters, text))


def place_of(text: str, spoken: float) -> float:
    """Return the index in a text up to which so many letters of it are spoken."""
    for index, character in enumerate(text):
        length = _letters(character)
        if spoken < length:
            return index + spoken / length
        spoken -= length
    return float(len(text))


def _letters(character: str) -> float:
    if character.isdigit():
        return _DIGIT
    return _SIGN if character in _SIGNS else 1.0
