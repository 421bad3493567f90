"""What counts as a word when we ask whether the caller said something."""

from __future__ import annotations

import re

FILLERS = frozenset({"ah", "eh", "er", "erm", "ha", "hm", "hmm", "huh", "mhm", "mm", "mmm", "oh", "uh", "um", "hum"})
"""Sounds of listening and of thinking."""

AFFIRMATIONS = frozenset({"uh huh", "mm hmm", "mm hm", "hm hm", "mhm", "mmhmm", "aha"})
"""Such sounds that say yes to a question, as they are when written without punctuation."""

_WORD = re.compile("[^\\W_]+(?:['\u2019][^\\W_]+)*")


def words(text: str) -> list[str]:
    """Return the words of a text in lower case, without punctuation; digits are words."""
    return [word.lower() for word in _WORD.findall(text)]


def has_words(text: str) -> bool:
    """Say whether there is a word in the text."""
    return bool(words(text))
