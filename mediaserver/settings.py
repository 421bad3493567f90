"""The settings of one session: what a client may change while it talks (``session.update``).

Names and defaults follow the OpenAI Realtime session object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class TurnDetection:
    """When a turn starts and ends. Times in milliseconds; ``threshold`` 0..1, higher needs louder and clearer speech."""

    kind: Literal["server_vad", "semantic_vad"] = "server_vad"
    threshold: float = 0.5
    prefix_padding_ms: int = 300
    silence_duration_ms: int = 500
    create_response: bool = True
    interrupt_response: bool = True
    idle_timeout_ms: int | None = None
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"


@dataclass(frozen=True, slots=True)
class Transcription:
    """How the caller's speech is written down; unknown models map to the configured engine."""

    model: str = ""
    language: str | None = None
    prompt: str = ""
    languages: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    delay: str | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call; ``parameters`` is a JSON Schema."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VoiceManner:
    """How a persona speaks: in words, in a language (BCP 47), and in the provider's own settings by their names."""

    instructions: str = ""
    language: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settings:
    """The effective settings of one session. ``turn_detection=None`` means the client commits by itself (push-to-talk)."""

    model: str
    instructions: str = ""
    output_modalities: tuple[Literal["audio", "text"], ...] = ("audio",)
    voice: str = ""
    speed: float = 1.0
    tools: tuple[Tool, ...] = ()
    tool_choice: str | Mapping[str, Any] = "auto"
    transcription: Transcription | None = Transcription()
    turn_detection: TurnDetection | None = TurnDetection()
    max_output_tokens: int | None = None
    temperature: float | None = None
    kind: Literal["realtime", "transcription"] = "realtime"
    noise_reduction: str | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: str | None = None
    manner: VoiceManner | None = None
