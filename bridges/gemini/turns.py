"""The caller's turns, which the Live API brackets with nothing: words come as they are recognised, beside the answers. Pure.

A turn is taken when its transcript is finished, when the client ends it by hand, or when the model answers; words that come
later still belong to it until the answer is complete, cut, or the next turn begins.
"""

from __future__ import annotations

from collections.abc import Sequence

from mediaserver.clock import new_id
from mediaserver.events import Event, InputCommitted, TranscriptFinal, TranscriptPartial

MAX_WORDS = 64 * 1024
"""Characters of one turn that are kept."""


class Turns:
    """One turn at a time; ``written``: transcripts are wanted."""

    def __init__(self) -> None:
        self.written = True
        self._words = ""
        self._item: str | None = None
        self._last: str | None = None
        self._unanswered = False

    @property
    def waiting(self) -> bool:
        """Something was said that has no answer yet: one will follow by itself."""
        return self._unanswered or (self._item is None and bool(self._words.strip()))

    def said(self, words: str, *, finished: bool) -> Sequence[Event]:
        """More words, perhaps the last ones."""
        self._words = (self._words + words)[:MAX_WORDS]
        if finished:
            taken = self.taken() if self._item is None and self._words.strip() else ()
            return (*taken, *self.over())
        if self._item is None or not self.written or not words:
            return ()
        text = self._words.strip()
        return (TranscriptPartial(self._item, text, len(text)),)

    def taken(self) -> Sequence[Event]:
        """What was said is a turn now; its words may still come."""
        before = self.over()
        words = "" if before else self._words
        self._item, previous, self._words = new_id("item"), self._last, words
        self._last, self._unanswered = self._item, True
        return (*before, InputCommitted(self._item, previous))

    def answered(self, *, asked: bool) -> Sequence[Event]:
        """The model begins to answer: a turn that was not taken yet is; ``asked``: it need not have been a spoken one."""
        known, self._unanswered = self._unanswered, False
        if known or (asked and not self._words.strip()) or self._item is not None:
            return ()
        taken = self.taken()
        self._unanswered = False
        return taken

    def over(self) -> Sequence[Event]:
        """No more words will come for the turn that was taken."""
        if self._item is None:
            return ()
        final = (TranscriptFinal(self._item, self._words.strip()),) if self.written else ()
        self._item, self._words = None, ""
        return final
