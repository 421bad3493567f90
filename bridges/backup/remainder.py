"""What of a text is left to be spoken when the voice breaks off. Pure."""

from __future__ import annotations

import re

from mediaserver.audio.letters import letters
from mediaserver.events import WordTime

LETTERS_PER_SECOND = 15.0
"""Of speech whose words were not timed, at normal speed."""

_WORD = re.compile(r"\S+\s*")


def remainder(text: str, words: tuple[WordTime, ...], seconds: float, speed: float = 1.0) -> str:
    """Return the words of ``text`` that were not spoken.

    ``words`` are those whose times the voice told, ``seconds`` the sound it made. A word that was begun is taken as
    spoken: half a word is understood, a word said twice is noticed.
    """
    parts = _WORD.findall(text)
    if words:
        return "".join(parts[len([word for word in words if word.start_ms < seconds * 1000]) :])
    spoken, at = seconds * LETTERS_PER_SECOND * speed, 0.0
    for index, part in enumerate(parts):
        if at >= spoken:
            return "".join(parts[index:])
        at += letters(part)
    return ""
