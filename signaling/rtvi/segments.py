"""What the bot says, in sentences, and how far each has been heard. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Status = Literal["new", "in-progress", "completed"]

_END = re.compile(r"[.!?…。！？]+[\"'”’)\]]*(?=\s)|[。！？]")  # noqa: RUF001 - the marks of other scripts are meant


@dataclass(slots=True)
class Segment:
    """One sentence of an item: its number in the call, its words, and where they lie in the item's text."""

    number: int
    text: str
    start: int
    end: int
    heard: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a segment has been heard, as text before and after that place."""

    segment: Segment
    status: Status
    accumulated: str
    remaining: str


@dataclass(slots=True)
class Script:
    """The text of one item, cut into segments as it is written and heard in their order.

    ``numbers`` names the segments of all items of the call.
    """

    numbers: Iterator[int]
    spoken: bool = True
    text: str = ""
    segments: list[Segment] = field(default_factory=list)
    _heard: int = 0
    _closed: bool = False

    def write(self, text: str) -> list[Segment]:
        """Take more text; return the sentences that it completes."""
        self.text += "" if self._closed else text
        made = []
        while (end := _END.search(self.text, self._told)) is not None:
            made += self._segment(end.end())
        return made

    def finish(self, text: str) -> list[Segment]:
        """The text is complete: return what is left, as one segment. ``text`` counts when nothing was written before."""
        self.text = self.text if self._closed else self.text or text
        return self._segment(len(self.text))

    def cut(self, length: int) -> list[Segment]:
        """Nothing after ``length`` will be heard: return what was heard of a sentence that was not told yet."""
        self.text, self._closed = self.text[: max(length, self._told)], True
        return self._segment(len(self.text))

    def hear(self, length: int) -> tuple[str, list[Progress]]:
        """The first ``length`` characters were heard: return the words that are new in it, and whose progress they are."""
        new = self.text[self._heard : length].strip()
        self._heard = max(self._heard, length)
        reached = (self._reach(segment, length) for segment in self.segments)
        return new, [progress for progress in reached if progress is not None]

    @property
    def _told(self) -> int:
        return self.segments[-1].end if self.segments else 0

    def _segment(self, end: int) -> list[Segment]:
        piece = self.text[self._told : end]
        start = end - len(piece.lstrip())
        text = piece.strip()
        if not text:
            return []
        self.segments.append(Segment(next(self.numbers), text, start, start + len(text)))
        return self.segments[-1:]

    @staticmethod
    def _reach(segment: Segment, length: int) -> Progress | None:
        heard = max(0, min(length, segment.end) - segment.start)
        if heard <= segment.heard:
            return None
        segment.heard = heard
        status: Status = "completed" if heard == len(segment.text) else "in-progress"
        return Progress(segment, status, segment.text[:heard].rstrip(), segment.text[heard:].lstrip())
