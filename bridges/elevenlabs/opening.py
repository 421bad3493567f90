"""What an agent is told before the conversation: the overrides that it allows, and the rest as context."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bridges.elevenlabs import wire
from bridges.options import ElevenLabs
from mediaserver.bridge import Opening
from mediaserver.events import Problem
from mediaserver.items import Item
from mediaserver.settings import Settings

MAX_HISTORY = 48_000
"""Characters of the conversation so far; what is older is left out."""

_WHO = {"user": "User", "assistant": "You", "system": "Note"}


def initiation(chosen: ElevenLabs, opening: Opening) -> wire.Initiation:
    """Return the first message."""
    return wire.Initiation(
        overrides(chosen, opening),
        dict(chosen.dynamic_variables),
        dict(chosen.custom_llm_extra_body),
    )


def overrides(chosen: ElevenLabs, opening: Opening) -> dict[str, Any]:
    """Return ``conversation_config_override``, only of what the agent's security settings allow."""
    settings, may = opening.settings, frozenset(chosen.overrides)
    greeting = "" if opening.history else chosen.first_message
    greets = bool(opening.history) or bool(chosen.first_message)
    agent: dict[str, Any] = {
        "prompt": {"prompt": settings.instructions} if "prompt" in may and settings.instructions else None,
        "first_message": greeting if "first_message" in may and greets else None,
        "language": (_language(settings) or chosen.language or None) if "language" in may else None,
    }
    tts: dict[str, Any] = {
        "voice_id": (settings.voice or None) if "voice" in may else None,
        "speed": settings.speed if "speed" in may and settings.speed != 1.0 else None,
    }
    parts = {"agent": agent, "tts": tts, "conversation": {"text_only": text_only(chosen, settings) or None}}
    told = {name: {key: value for key, value in part.items() if value is not None} for name, part in parts.items()}
    return {name: part for name, part in told.items() if part}


def text_only(chosen: ElevenLabs, settings: Settings) -> bool:
    """Whether the agent only writes."""
    return "text_only" in chosen.overrides and settings.output_modalities == ("text",)


def greets_again(chosen: ElevenLabs, opening: Opening) -> bool:
    """Whether the agent will say its first message although the conversation is under way."""
    return bool(opening.history) and "first_message" not in chosen.overrides


def context(chosen: ElevenLabs, opening: Opening) -> list[str]:
    """Return what the agent has to know and has no field for: instructions it may not be given, what was said before."""
    notes = []
    if opening.settings.instructions and "prompt" not in chosen.overrides:
        notes.append(instructions(opening.settings))
    said = "\n".join(line for line in map(line_of, opening.history) if line)[-MAX_HISTORY:]
    if said:
        notes.append(f"This conversation is already under way. So far:\n{said}")
    return notes


def instructions(settings: Settings) -> str:
    """Return instructions as a note."""
    if not settings.instructions:
        return "The earlier instructions do not hold any more."
    return f"Instructions for this conversation: {settings.instructions}"


def unmet(chosen: ElevenLabs, settings: Settings) -> Sequence[Problem]:
    """Return what the agent does not let us choose, for the client to know."""
    if not settings.voice or "voice" in chosen.overrides:
        return ()
    message = "the agent behind this call speaks with its own voice"
    return (Problem(message, "unsupported_by_provider", param="session.audio.output.voice"),)


def line_of(item: Item) -> str:
    """Return an item of the conversation as a line of text; empty when there is nothing to tell."""
    if item.kind == "function_call":
        return f"You called {item.name} with {item.arguments}"
    if item.kind == "function_call_output":
        return f"The function answered: {item.output}"
    return f"{_WHO[item.role or 'system']}: {item.text}" if item.text else ""


def _language(settings: Settings) -> str | None:
    return settings.transcription.language if settings.transcription is not None else None
