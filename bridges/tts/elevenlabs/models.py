"""What each model takes (ElevenLabs docs, "Models" and "Multi-Context WebSocket"). Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Model:
    """``characters`` in one request; whether it has multi-context sockets; whether it may be told a language."""

    characters: int = 5_000
    contexts: bool = True
    language: bool = True


_MODELS = {
    "eleven_flash_v2_5": Model(40_000),
    "eleven_turbo_v2_5": Model(40_000),
    "eleven_flash_v2": Model(30_000, language=False),
    "eleven_turbo_v2": Model(30_000, language=False),
    "eleven_multilingual_v2": Model(10_000, language=False),
    "eleven_v3": Model(contexts=False),
    "eleven_v3_conversational": Model(contexts=False),
}
_LONGEST = 5_000
"""A longer part would come whole before it can be heard over a socket, and is more than a message should hold."""

RATES_OF_SOCKETS = frozenset({8000, 16000, 24000})
"""The socket's ``output_format`` knows no ``pcm_48000``."""


def model(name: str) -> Model:
    """Return the facts; a name that is not listed is taken for the least of the new ones."""
    found = _MODELS.get(name, Model())
    return Model(min(found.characters, _LONGEST), found.contexts, found.language)


def language(tag: str, facts: Model) -> str:
    """Return ``language_code`` (ISO 639-1) for a BCP 47 tag, empty for a model that would refuse one."""
    return tag.partition("-")[0].lower() if facts.language else ""
