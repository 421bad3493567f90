"""Words and their times from the characters of several pieces of sound, which may cut a word. Pure."""

from __future__ import annotations

from bridges.elevenlabs.alignment import word_times
from bridges.elevenlabs.wire import Alignment
from mediaserver.events import WordTime

LONGEST_WORD = 200
"""Characters; what has no space for so long (Chinese, Japanese) is given out piece by piece."""


class Words:
    """Joins what :func:`bridges.elevenlabs.alignment.word_times` reads in one piece."""

    def __init__(self) -> None:
        self._held = Alignment([], [], [])

    def feed(self, alignment: Alignment, offset_ms: float = 0.0) -> tuple[WordTime, ...]:
        """Return the words that are complete now; ``offset_ms`` is where the alignment's own time begins."""
        held = self._held
        chars = held.chars + alignment.chars
        starts = held.char_start_times_ms + [offset_ms + each for each in alignment.char_start_times_ms]
        lasts = held.char_durations_ms + alignment.char_durations_ms
        cut = next((at + 1 for at in reversed(range(len(chars))) if chars[at].isspace()), 0)
        if len(chars) - cut > LONGEST_WORD:
            cut = len(chars)
        self._held = Alignment(chars[cut:], starts[cut:], lasts[cut:])
        return word_times(Alignment(chars[:cut], starts[:cut], lasts[:cut]), 0)

    def end(self) -> tuple[WordTime, ...]:
        """Return the word at the end of the text, which no space follows."""
        held, self._held = self._held, Alignment([], [], [])
        return word_times(held, 0)
