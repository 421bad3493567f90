"""Texts in parts that a voice takes in one request. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

_ENDS = (
    re.compile(r"[.!?…]+[\"'”’»)\]]*(?=\s)|[。！？\n]"),  # noqa: RUF001 - Chinese and Japanese stops, a typographic quote
    re.compile(r"[,;:](?=\s)|[、，；：]|\s[-–—](?=\s)|—"),  # noqa: RUF001 - commas and dashes as they are written
    re.compile(r"\s"),
)
"""Where a text may be cut, the best first: after a sentence, after a clause, between words."""
_WORD = re.compile(r"[^\W_]")


def has_words(text: str) -> bool:
    """Say whether there is anything in it that can be spoken: a letter or a digit."""
    return bool(_WORD.search(text))


def size_in_bytes(text: str) -> int:
    """Return the bytes of a text in UTF-8."""
    return len(text.encode())


def parts(text: str, limit: int, size: Callable[[str], int] = len) -> list[str]:
    """Return the text in parts whose ``size`` is at most ``limit``: cut after sentences, else clauses, else words.

    White space around the parts and parts without words are left out: of a text that says nothing, nothing is left.
    """
    found, text = [], text.strip()
    while size(text) > limit:
        cut = _cut(text, _longest(text, limit, size))
        found.append(text[:cut].rstrip())
        text = text[cut:].lstrip()
    return [part for part in [*found, text] if has_words(part)]


def _longest(text: str, limit: int, size: Callable[[str], int]) -> int:
    """Return how many characters of it are within the limit, at least one: the size grows with the text."""
    low, high = 1, min(len(text), limit)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if size(text[:middle]) <= limit else (low, middle - 1)
    return low


def _cut(text: str, longest: int) -> int:
    for ends in _ENDS:
        # One character more is looked at: a stop is the end of a sentence by the space behind it.
        places = [found.end() for found in ends.finditer(text, 0, longest + 1) if found.end() <= longest]
        if places:
            return places[-1]
    return longest
