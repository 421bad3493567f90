"""Segments out of words and their times, where an engine tells only those: cut at pauses, sentences and speakers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mediaserver.speech import SpokenSegment, SpokenWord

PAUSE_S = 0.6
"""A pause that ends a segment."""
LONGEST_S = 12.0
ENDS = (".", "?", "!", "\u2026", "\u3002", "\uff1f", "\uff01")
"""What ends a sentence, also in Chinese and Japanese."""


def segments_of(words: Iterable[SpokenWord]) -> tuple[SpokenSegment, ...]:
    """Return segments of whole words in their order."""
    return tuple(_segment(group) for group in _groups(words))


def _groups(words: Iterable[SpokenWord]) -> Iterator[list[SpokenWord]]:
    group: list[SpokenWord] = []
    for word in words:
        if group and _parts(group, word):
            yield group
            group = []
        group.append(word)
    if group:
        yield group


def _parts(group: list[SpokenWord], word: SpokenWord) -> bool:
    last = group[-1]
    return (
        word.speaker != last.speaker
        or word.start - last.end >= PAUSE_S
        or last.text.endswith(ENDS)
        or word.end - group[0].start > LONGEST_S
    )


def _segment(group: list[SpokenWord]) -> SpokenSegment:
    text = " ".join(word.text.strip() for word in group)
    return SpokenSegment(text, group[0].start, group[-1].end, group[0].speaker)
