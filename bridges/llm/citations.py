"""Keeps addresses out of what is spoken: where a model that searched names its sources inside its text. Pure.

xAI writes ``[[1]](https://…)`` after a statement, OpenAI ``([example.com](https://…))``; both as links of Markdown.
"""

from __future__ import annotations

import re

LONGEST = 2000
"""Characters of one mark at most; what is longer is text."""

_ADDRESS = r"(?:[^()\s]|\([^()\s]*\))*"
_MARK = re.compile(rf" ?(?:\[\[\d+\]\]\({_ADDRESS}\)|\(\[[^\[\]]*\]\({_ADDRESS}\)\))")
_BEGUN = re.compile(
    rf" ?(?:\[(?:\[\d*(?:\](?:\](?:\({_ADDRESS}(?:\([^()\s]*)?)?)?)?)?"
    rf"|\((?:\[[^\[\]]*(?:\](?:\({_ADDRESS}(?:\([^()\s]*)?\)?)?)?)?)?$"
)


class Citations:
    """A filter for one answer that comes in pieces; a beginning that may still become a mark is held back."""

    def __init__(self) -> None:
        self._text = ""

    def feed(self, text: str) -> str:
        """Return what may be spoken now."""
        self._text = _MARK.sub("", self._text + text)
        begun = _BEGUN.search(self._text[-LONGEST:])
        held = len(begun[0]) if begun else 0
        return self._passed(len(self._text) - held)

    def flush(self) -> str:
        """Return what was held back: it became no mark."""
        return self._passed(len(self._text))

    def _passed(self, count: int) -> str:
        passed, self._text = self._text[:count], self._text[count:]
        return passed
