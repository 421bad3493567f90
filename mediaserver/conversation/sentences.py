"""Sentences of a reply: where they end, whether it is finished, and a filter for what was said already. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

REMEMBERED = 8
LONGEST = 2000
"""A sentence of more characters than this is nobody's repetition: it is let through."""

_END = re.compile(r"[.!?…。！？]+[\"'”’»)\]]*(?=\s)|[。！？]+[\"'”’»)\]]*|\n+")  # noqa: RUF001 - Chinese and Japanese stops
_CLOSED = re.compile(r"[.!?…。！？][\"'”’»)\]]*\s*\Z")  # noqa: RUF001 - the same
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")  # noqa: RUF001 - the apostrophe of typeset text


def is_closed(text: str) -> bool:
    """Say whether the text ends with the end of a sentence."""
    return bool(_CLOSED.search(text))


def whole_sentences(text: str) -> str:
    """Return the text up to the end of its last whole sentence; empty when there is none."""
    if is_closed(text):
        return text.rstrip()
    ends = [match.end() for match in _END.finditer(text)]
    return text[: ends[-1]].rstrip() if ends else ""


def split(text: str) -> list[str]:
    """Return the sentences of a text; the last may be unfinished. Joined they are the text."""
    cuts = [0, *(match.end() for match in _END.finditer(text)), len(text)]
    return [text[a:b] for a, b in pairwise(cuts) if text[a:b]]


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of a text without case and punctuation, and where each ends in it."""

    words: tuple[str, ...]
    ends: tuple[int, ...]
    starts: tuple[int, ...]


def _words(text: str) -> _Words:
    found = [*_WORD.finditer(text)]
    normal = tuple(match[0].casefold().replace("’", "'") for match in found)  # noqa: RUF001 - as above
    return _Words(normal, tuple(match.end() for match in found), tuple(match.start() for match in found))


class Unrepeated:
    """Lets a reply through without what it repeats at its beginning of the reply that was cut off.

    Whole sentences that are among the last of ``said`` are dropped, and so is the unfinished sentence at its end when the
    new reply takes it up from its first word. The first word of anything else lets all that follows through untouched.
    What is undecided is held: :attr:`holding`; whoever has sound with the text holds that too. ``dropped_characters`` and
    ``dropped_sentences`` say what was left out.
    """

    def __init__(self, said: str) -> None:
        self.dropped_characters = 0
        self.dropped_sentences = 0
        sentences = split(said[-REMEMBERED * LONGEST :])
        tail = "" if not sentences or is_closed(sentences[-1]) else sentences.pop()
        self._whole = {words for one in sentences[-REMEMBERED:] if (words := _words(one).words)}
        self._tail = _words(tail).words
        self._held = ""
        self._open = not (self._whole or self._tail)

    @property
    def holding(self) -> str:
        """What came and is neither let through nor dropped yet."""
        return self._held

    def feed(self, text: str) -> str:
        """Take more of the new reply and return what of it may be said."""
        if self._open:
            return text
        self._held += text
        while len(sentences := split(self._held)) > 1 and self._drop_whole(sentences[0]):
            pass
        return self._decide(final=False)

    def finish(self) -> str:
        """No more comes: return what of the rest may be said."""
        if not self._open and self._held and self._drop_whole(self._held):
            return ""
        return self._decide(final=True)

    def _drop_whole(self, sentence: str) -> bool:
        """Drop a sentence that was said already, or the blanks before the first; return False for any other."""
        words = _words(sentence).words
        if words not in self._whole and sentence.strip():
            return False
        self.dropped_sentences += bool(words)
        self._drop(len(sentence))
        return True

    def _drop(self, characters: int) -> None:
        self.dropped_characters += characters
        self._held = self._held[characters:]

    def _decide(self, *, final: bool) -> str:
        """Let through what is held, unless it may still become a repetition."""
        if not self._held:
            return ""
        found = _words(self._held)
        reached = self._reaches_tail(found)
        if reached and (final or self._tail_is_over(found)):
            self._drop(self._taken_up(found))
            return self._release()
        begun = reached or any(_begins(one, found.words) for one in (*self._whole, self._tail))
        return self._release() if final or not begun or len(self._held) > LONGEST else ""

    def _reaches_tail(self, found: _Words) -> bool:
        """Say whether the unfinished sentence is said again to where it was cut, perhaps within a word."""
        tail, count = self._tail, len(self._tail)
        whole = bool(tail) and len(found.words) >= count and found.words[: count - 1] == tail[:-1]
        return whole and found.words[count - 1].startswith(tail[-1])

    def _tail_is_over(self, found: _Words) -> bool:
        """Say whether the word at which it was cut will not grow any more."""
        return found.ends[len(self._tail) - 1] < len(self._held)

    def _taken_up(self, found: _Words) -> int:
        """Where the new words begin; a word that was cut within is said whole."""
        at = len(self._tail) - 1
        return found.ends[at] if found.words[at] == self._tail[-1] else found.starts[at]

    def _release(self) -> str:
        self._open, held, self._held = True, self._held, ""
        return held


def _begins(sentence: tuple[str, ...], words: tuple[str, ...]) -> bool:
    """Say whether these words, of which the last may be unfinished, may become that sentence."""
    if not sentence:
        return False
    if not words:
        return True
    *before, last = words
    count = len(before)
    return count < len(sentence) and sentence[:count] == tuple(before) and sentence[count].startswith(last)
