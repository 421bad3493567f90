"""Names of voices that begin with a language: ``en-US-JennyNeural``, ``de-DE-Chirp3-HD-Kore``. Pure."""

from __future__ import annotations

import re

_NAME = re.compile(
    r"([a-z]{2,3}(?:-[A-Z][a-z]{3})?-(?:[A-Z]{2}|[0-9]{3})(?:-[a-z]+)?)-[A-Za-z0-9][\w:.-]{1,100}\Z", re.ASCII
)


def locale_of(voice: str) -> str:
    """Return the language that a voice's name begins with (BCP 47), empty where it is not such a name."""
    found = _NAME.match(voice)
    return found[1] if found else ""


def chosen(asked: str, known: tuple[str, ...]) -> str:
    """Return the voice to use: one that is known or is named as the vendor names its voices, else the default."""
    return asked if asked in known or locale_of(asked) else known[0]
