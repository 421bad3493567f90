"""How long to wait after the last voiced sample before the caller's turn is over, for ``semantic_vad``."""

from __future__ import annotations

from typing import Literal

from mediaserver.conversation.words import FILLERS, words

Eagerness = Literal["low", "medium", "high", "auto"]

QUIET_MS = 200
"""The silence after which we begin to wonder: the inbound edge of ``semantic_vad``."""

_WAITS_MS = {
    # eagerness: (finished, no words known yet, unfinished). The last is the provider's documented longest wait.
    "low": (1200, 2000, 8000),
    "medium": (700, 1000, 4000),
    "auto": (700, 1000, 4000),
    "high": (400, 600, 2000),
}

_LEADS_ON_BY_LANGUAGE = {
    "en": "a an the and or but so because if when while although which whose to of than as my your his its our their "
    "am will would could should may might must i'm i'd i'll it's let's very",
    "de": "und oder aber weil dass der die das ein eine",
    "fr": "et ou mais parce que le la les un une",
    "es": "y o pero porque el los una de",
}
_LEADS_ON = FILLERS.union(*(text.split() for text in _LEADS_ON_BY_LANGUAGE.values()))
"""Words that rarely end a sentence. Prepositions are left out: "where are you from" is finished."""


def unfinished(text: str) -> bool:
    """Say whether the sentence must go on: it ends in a word that leads to another, in a comma or in a dash."""
    if text.rstrip().endswith((",", "-", "\u2013", "\u2014", "...", "\u2026")):
        return True
    if text.rstrip().endswith((".", "!", "?")):
        return False
    said = words(text)
    return bool(said) and said[-1] in _LEADS_ON


def patience_ms(eagerness: Eagerness, text: str) -> int:
    """Return how much longer to wait, in milliseconds, after :data:`QUIET_MS` of silence, for what was heard so far."""
    finished, unknown, longest = _WAITS_MS[eagerness]
    if not words(text):
        return unknown - QUIET_MS
    return (longest if unfinished(text) else finished) - QUIET_MS
