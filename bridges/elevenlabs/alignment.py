"""From the times of characters to those of words (ElevenLabs agents, ``audio_event.alignment``). Pure."""

from __future__ import annotations

from bridges.elevenlabs.wire import Alignment
from mediaserver.events import WordTime


def word_times(alignment: Alignment, offset_ms: int) -> tuple[WordTime, ...]:
    """Return the words of one piece of sound that begins at ``offset_ms`` of its answer; a split word is two."""
    words: list[WordTime] = []
    text, start, end = "", 0.0, 0.0
    spoken = zip(alignment.chars, alignment.char_start_times_ms, alignment.char_durations_ms, strict=False)
    for character, begins, lasts in [*spoken, (" ", end, 0.0)]:
        if character.isspace():
            if text:
                words.append(WordTime(text, offset_ms + int(start), offset_ms + int(end)))
            text = ""
            continue
        start = start if text else begins
        text, end = text + character, begins + lasts
    return tuple(words)
