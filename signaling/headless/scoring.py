"""How well speech was understood: the word error rate."""

from __future__ import annotations

import re


def words(text: str) -> list[str]:
    """Return the words of a text, lower case and without punctuation."""
    return re.findall(r"[\w']+", text.lower())


def word_error_rate(expected: str, heard: str) -> float:
    """Return substitutions, deletions and insertions per expected word: 0.0 is perfect, above 1.0 is possible.

    Without expected words it is 0.0 when nothing was heard, else 1.0.
    """
    want, got = words(expected), words(heard)
    if not want:
        return 1.0 if got else 0.0
    return word_errors(want, got) / len(want)


def word_errors(want: list[str], got: list[str]) -> int:
    """Return substitutions, deletions and insertions between two word lists (Levenshtein), one row at a time."""
    row = list(range(len(got) + 1))
    for deleted, word in enumerate(want, 1):
        above, row = row, [deleted]
        for inserted, other in enumerate(got, 1):
            row.append(min(above[inserted] + 1, row[-1] + 1, above[inserted - 1] + (word != other)))
    return row[-1]
