"""Cuts a stream of written text into pieces worth speaking: the first early, then whole sentences. Pure.

Joined together the pieces are the text again, character for character, so that what was heard can be found in it. The sizes
follow what Pipecat and LiveKit settled on: a first unit of three or four words, then at least twenty characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

FIRST_CHARS = 14
"""The first piece may end at a comma after this many characters."""
SENTENCE_CHARS = 20
"""Shorter sentences are joined with the next, for the sake of the melody."""
LONGEST_CHARS = 240
"""A sentence longer than this is cut at a comma, or else at a space."""
STALL_CHARS = 10
"""A fragment must be this long to be worth speaking while the writer pauses."""

_ABBREVIATIONS = frozenset(
    {
        *("dr", "mr", "mrs", "ms", "prof", "st", "sr", "jr", "vs", "etc", "no", "fig", "vol", "inc", "ltd", "co"),
        *("e.g", "i.e", "a.m", "p.m", "u.s", "u.k", "approx", "ca", "bzw", "z.b", "nr"),
    }
)
_BREAK = re.compile(
    r"""(?P<sentence>[.!?…]+["'”\u2019)\]]*(?=\s)|[\u3002\uff01\uff1f]|\n)
      | (?P<clause>[,;:](?=\s)|\s[-\u2013\u2014](?=\s)|\u2014)""",
    re.X,
)
_SPEAKABLE = re.compile(r"\w")


class Clauses:
    """The cutter of one text. ``feed`` and ``flush`` give the pieces that are ready; each has something to say in it."""

    def __init__(self) -> None:
        self._text = ""
        self._first = True

    def feed(self, text: str) -> list[str]:
        """Take more text. A piece is ready when the space after its end has been seen."""
        self._text += text
        return list(self._ready())

    def stalled(self) -> list[str]:
        """The writer pauses: give what is worth speaking, up to the last whole word."""
        cut = max(self._text.rfind(" "), self._text.rfind("\n")) + 1
        return [self._take(cut)] if cut >= STALL_CHARS and _SPEAKABLE.search(self._text[:cut]) else []

    def flush(self) -> list[str]:
        """The text is complete: give all that is left."""
        pieces = list(self._ready())
        return [*pieces, self._take(len(self._text))] if _SPEAKABLE.search(self._text) else pieces

    def _ready(self) -> Iterator[str]:
        while cut := self._next_cut():
            yield self._take(cut)

    def _take(self, cut: int) -> str:
        piece, self._text = self._text[:cut], self._text[cut:]
        self._first = False
        return piece

    def _next_cut(self) -> int:
        clause = 0
        for found in _BREAK.finditer(self._text):
            end = found.end() + len(self._text[found.end() :]) - len(self._text[found.end() :].lstrip())
            if found.lastgroup == "clause":
                if self._first and found.end() >= FIRST_CHARS:
                    return end
                clause = end if end <= LONGEST_CHARS else clause
            elif self._ends_sentence(found) and self._long_enough(end):
                return end if end <= LONGEST_CHARS or not clause else clause
        return self._forced_cut(clause)

    def _long_enough(self, end: int) -> bool:
        return bool(_SPEAKABLE.search(self._text[:end])) and (self._first or end >= SENTENCE_CHARS)

    def _forced_cut(self, clause: int) -> int:
        if len(self._text) <= LONGEST_CHARS:
            return 0
        return clause or self._text.rfind(" ", 0, LONGEST_CHARS) + 1 or LONGEST_CHARS

    def _ends_sentence(self, found: re.Match[str]) -> bool:
        if not found[0].startswith(".") or found[0].startswith(".."):
            return True
        words = self._text[: found.start()].split()
        word = words[-1].lstrip("(\"'“").lower() if words else ""
        if word in _ABBREVIATIONS or (len(word) == 1 and word.isalpha() and word != "i"):
            return False
        # "1. First": the number of a line of a list, not the end of a sentence.
        line = self._text[: found.start()].rpartition("\n")[2].strip()
        return not line.isdigit()
