"""What is asked of a file and what the engine can: what it lacks is refused, never silently left out. Pure."""

from __future__ import annotations

from collections.abc import Callable, Set

from mediaserver.errors import Unsupported
from mediaserver.speech import FileAsk, FileFeature

ASKED: dict[FileFeature, Callable[[FileAsk], bool]] = {
    "translate": lambda ask: ask.translate,
    "words": lambda ask: ask.words,
    "segments": lambda ask: ask.segments,
    "speakers": lambda ask: ask.speakers,
    "prompt": lambda ask: bool(ask.prompt),
    "temperature": lambda ask: ask.temperature is not None,
    "language": lambda ask: bool(ask.language),
    "keywords": lambda ask: bool(ask.keywords),
}


def check(ask: FileAsk, can: Set[FileFeature], who: str) -> None:
    """Raise Unsupported for the first thing that is asked and cannot be done."""
    for feature, asked in ASKED.items():
        if feature not in can and asked(ask):
            raise Unsupported(f"{who} cannot do this with a file: {feature}")
