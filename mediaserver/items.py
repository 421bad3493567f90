"""What a conversation is made of: items, as the OpenAI Realtime contract names them.

One item is a message (system, user, assistant), a function call, or the output of one. An assistant message remembers two
texts: ``text``, what the caller heard and what the model is told it said, and ``full_text``, what was written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ItemKind = Literal["message", "function_call", "function_call_output"]
Role = Literal["system", "user", "assistant"]
Status = Literal["in_progress", "completed", "incomplete"]
PartKind = Literal["input_text", "input_audio", "output_text", "output_audio"]


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a message. For audio kinds ``text`` is the transcript (``None`` while it is not known yet)."""

    kind: PartKind
    text: str | None = None
    full_text: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One item of the conversation; unused fields keep their defaults."""

    id: str
    kind: ItemKind = "message"
    role: Role | None = None
    parts: tuple[Part, ...] = ()
    status: Status = "completed"
    call_id: str | None = None
    name: str | None = None
    arguments: str = ""
    output: str = ""
    error: bool = False
    """For a function's output: it tells of a failure (what the model is told is ``output`` all the same)."""

    @property
    def text(self) -> str:
        """Everything said or written in this message, joined by spaces."""
        return " ".join(part.text for part in self.parts if part.text)


@dataclass(frozen=True, slots=True)
class Usage:
    """What one response, one transcription or a stretch of a session used; ``source`` says who counted.

    Tokens where the engine counts tokens, seconds and characters where it does not. ``cached_tokens`` are a part of
    ``input_tokens`` (``cached_audio_tokens`` a part of those), ``thinking_tokens`` a part of ``output_tokens``.
    ``seconds_in`` and ``seconds_out`` are of sound, ``seconds`` of connected time or of transcribed sound.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    input_text_tokens: int = 0
    input_audio_tokens: int = 0
    output_text_tokens: int = 0
    output_audio_tokens: int = 0
    cached_tokens: int = 0
    cached_audio_tokens: int = 0
    image_tokens: int = 0
    thinking_tokens: int = 0
    seconds: float = 0.0
    seconds_in: float = 0.0
    seconds_out: float = 0.0
    characters: int = 0
    source: Literal["provider", "metered"] = "metered"


@dataclass(frozen=True, slots=True)
class Played:
    """How much of one item's sound has really left, in milliseconds."""

    item_id: str
    played_ms: int
