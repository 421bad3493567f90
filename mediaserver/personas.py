"""Personas: named ways for a model to be, written down once by the operator and asked for by name.

A client asks for one as the contract's stored prompts are asked for (``session.prompt``: ``id`` and ``variables``; OpenAI
Realtime reference, "session.update"); a model of the configuration may name one for all of its calls.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from msgspec import Meta, field

from mediaserver.errors import BadRequest
from mediaserver.section import Name, Section
from mediaserver.settings import Settings, Transcription, VoiceManner

_VARIABLE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]{0,63})\s*\}\}")
_LONGEST = 1000

Short = Annotated[str, Meta(max_length=256)]


class Persona(Section, frozen=True):
    """One persona. What is left empty stays as the model or the client has it."""

    instructions: Annotated[str, Meta(max_length=65_536)] = ""
    """What the model is told; ``{{name}}`` stands for a variable."""
    variables: dict[Name, str] = field(default_factory=dict)
    """Values for variables that a client does not give."""
    voice: Short = ""
    """The name of the voice."""
    language: Annotated[str, Meta(max_length=35)] = ""
    """What is spoken, ISO 639-1 or BCP 47."""
    speed: Annotated[float, Meta(ge=0.25, le=1.5)] | None = None
    """The pace of the voice; 1 is normal."""
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    """The temperature of the model."""
    voice_instructions: Annotated[str, Meta(max_length=4096)] = ""
    """How the voice speaks, in words, where it can be told (``warm and unhurried``)."""
    voice_settings: dict[str, Any] = field(default_factory=dict)
    """Settings of the voice by the names of its provider (``{stability: 0.4}``)."""
    tools: tuple[str, ...] | None = None
    """Which of the server's tools it is offered; ``null``: those of the model. Counts from the start of a call."""
    memory: bool = False
    """Be told what was said in earlier calls of the same caller, where the key may (``memory: true``)."""


def personified(settings: Settings, persona: Persona, variables: Mapping[str, Any] | None = None) -> Settings:
    """Return the settings with the persona in them.

    Raises BadRequest for a variable that is missing, unknown, or no short text or number.
    """
    changes: dict[str, Any] = {
        "instructions": _filled(persona, variables or {}) or None,
        "voice": persona.voice or None,
        "speed": persona.speed,
        "temperature": persona.temperature,
    }
    if persona.language:
        changes["transcription"] = replace(settings.transcription or Transcription(), language=persona.language)
    if persona.voice_instructions or persona.voice_settings or persona.language:
        changes["manner"] = VoiceManner(persona.voice_instructions, persona.language, persona.voice_settings)
    return replace(settings, **{name: value for name, value in changes.items() if value is not None})


def _filled(persona: Persona, given: Mapping[str, Any]) -> str:
    wanted = set(_VARIABLE.findall(persona.instructions))
    for name in given.keys() - (wanted | persona.variables.keys()):
        raise _wrong(name[:64], f"this prompt has no such variable; it has {', '.join(sorted(wanted)) or 'none'}")
    values = {**persona.variables, **{name: _text(name, value) for name, value in given.items()}}
    for name in sorted(wanted - values.keys()):
        raise _wrong(name, "this prompt needs a value for this variable")
    return _VARIABLE.sub(lambda found: values[found[1]], persona.instructions)


def _text(name: str, value: Any) -> str:
    if isinstance(value, Mapping) and value.get("type") == "input_text":
        value = value.get("text")
    text = str(value) if isinstance(value, str | int | float) else ""
    if not text or len(text) > _LONGEST:
        raise _wrong(name, f"a variable is a text of 1 to {_LONGEST} characters or a number")
    return text


def _wrong(name: str, message: str) -> BadRequest:
    return BadRequest(message, code="invalid_value", param=f"prompt.variables.{name}")
