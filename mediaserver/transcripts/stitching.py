"""One transcript out of those of the pieces that a long file was cut into. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from itertools import pairwise
from typing import TypeVar

from mediaserver.items import Usage
from mediaserver.speech import FileTranscript, SpokenSegment, SpokenWord

Span = TypeVar("Span", SpokenWord, SpokenSegment)

_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "FULLWIDTH", "IDEOGRAPHIC", "THAI", "LAO", "KHMER", "MYANMAR")
"""Names of characters of scripts that put no space between sentences or words."""


def stitched(parts: Sequence[tuple[float, FileTranscript]], duration: float) -> FileTranscript:
    """Join the transcripts of pieces, each with the second of the file at which its piece begins, in order.

    Times are the file's, never run backwards and stay within their piece; the file lasts ``duration`` seconds. The language
    is the first that is told. Who speaks is known within a piece only: where several tell it, "1.A" is not "2.A".
    """
    begins = [begin for begin, _ in parts]
    rooms = list(pairwise([*begins, duration]))
    tell = sum(map(_tells_speakers, (part for _, part in parts))) > 1
    names = [f"{number}." if tell else "" for number in range(1, len(parts) + 1)]
    told = [part for _, part in parts]
    return FileTranscript(
        text=joined(part.text for part in told),
        language=next((part.language for part in told if part.language), None),
        duration=duration,
        words=_moved([part.words for part in told], rooms, names),
        segments=_moved([part.segments for part in told], rooms, names),
        usage=summed(part.usage for part in told),
    )


def joined(texts: Iterable[str]) -> str:
    """Join texts by a space, where their script has spaces."""
    whole = ""
    for text in texts:
        text = text.strip()
        whole += (" " if whole and text and not (_unspaced(whole[-1]) and _unspaced(text[0])) else "") + text
    return whole


def summed(usages: Iterable[Usage | None]) -> Usage | None:
    """Add up what the pieces used; ``None`` where none of them tells."""
    told = [usage for usage in usages if usage is not None]
    if not told:
        return None
    numbers = [f.name for f in fields(Usage) if isinstance(getattr(told[0], f.name), int | float)]
    return replace(told[0], **{name: sum(getattr(usage, name) for usage in told) for name in numbers})


def _tells_speakers(part: FileTranscript) -> bool:
    return any(word.speaker for word in part.words) or any(segment.speaker for segment in part.segments)


def _moved(
    spans: Sequence[tuple[Span, ...]], rooms: Sequence[tuple[float, float]], names: Sequence[str]
) -> tuple[Span, ...]:
    moved: list[Span] = []
    last = 0.0
    for piece, (begin, end), name in zip(spans, rooms, names, strict=True):
        for span in piece:
            start = min(max(last, begin + span.start), max(last, end))
            stop = max(start, min(begin + span.end, end))
            speaker = f"{name}{span.speaker}" if span.speaker else span.speaker
            moved.append(replace(span, start=start, end=stop, speaker=speaker))
            last = start
    return tuple(moved)


def _unspaced(character: str) -> bool:
    return unicodedata.name(character, "").startswith(_UNSPACED)
