"""How settings are written in a ``session.update`` and a ``response.create``: the one place where speakers differ most.

Source: OpenAI Realtime API reference, "session object" and "response.create" (GA). Azure's preview endpoint and xAI have
shapes of their own in their folders; the codec does not know which it uses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal

from mediaserver.settings import Settings, Tool, TurnDetection

AudioFormat = Literal["pcm", "pcmu", "pcma"]
Wire = dict[str, Any]

TRANSCRIBERS = frozenset(
    {
        "whisper-1",
        "gpt-transcribe",
        "gpt-live-transcribe",
        "gpt-4o-transcribe",
        "gpt-4o-mini-transcribe",
        "gpt-4o-mini-transcribe-2025-12-15",
        "gpt-4o-transcribe-diarize",
        "gpt-realtime-whisper",
    }
)
FORMATS: dict[AudioFormat, Wire] = {
    "pcm": {"type": "audio/pcm", "rate": 24000},
    "pcmu": {"type": "audio/pcmu"},
    "pcma": {"type": "audio/pcma"},
}


@dataclass(frozen=True)
class GaShape:
    """OpenAI's own shape. ``transcriber`` is used where a session asks for a model that OpenAI does not have."""

    audio_format: AudioFormat = "pcm"
    transcriber: str = "gpt-transcribe"
    voices: tuple[str, ...] = ()

    assistant_text: ClassVar[str] = "output_text"
    """What the text of an assistant's message is called."""
    marks: ClassVar[bool] = True
    """Whether a response keeps the metadata that it is asked with."""
    aliases: ClassVar[Mapping[str, str]] = {}
    """Other names of the provider's messages, to those of GA."""

    def session(self, settings: Settings) -> Wire:
        """Return the whole session."""
        return {
            "type": "realtime",
            "instructions": settings.instructions,
            "output_modalities": list(settings.output_modalities),
            "tools": [tool(each) for each in settings.tools],
            "tool_choice": choice(settings.tool_choice),
            "max_output_tokens": settings.max_output_tokens or "inf",
            **_reasoning(settings),
            "audio": {"input": self._input(settings), "output": self._output(settings)},
        }

    def changed(self, before: Settings, after: Settings) -> Wire:
        """Return what of the session differs: a voice that was used may not even be named again."""
        old, new = self.session(before), self.session(after)
        audio = {side: differing(old["audio"][side], new["audio"][side]) for side in ("input", "output")}
        rest = differing({**old, "audio": None}, {**new, "audio": None})
        told = {side: change for side, change in audio.items() if change}
        return {"type": "realtime", **rest, **({"audio": told} if told else {})}

    def response(self, session: Settings, wanted: Settings) -> Wire:
        """Return what one response does differently from its session."""
        changed = differing(self._response(session), self._response(wanted))
        if wanted.voice != session.voice and self._voice(wanted):
            changed["audio"] = {"output": self._voice(wanted)}
        return changed

    def out_of_band(self) -> Wire:
        """Return how a response is kept out of the conversation."""
        return {"conversation": "none"}

    def _response(self, settings: Settings) -> Wire:
        return {
            "instructions": settings.instructions,
            "output_modalities": list(settings.output_modalities),
            "tools": [tool(each) for each in settings.tools],
            "tool_choice": choice(settings.tool_choice),
            "max_output_tokens": settings.max_output_tokens or "inf",
            **_reasoning(settings),
        }

    def _input(self, settings: Settings) -> Wire:
        noise = settings.noise_reduction
        return {
            "format": FORMATS[self.audio_format],
            "noise_reduction": {"type": noise} if noise else None,
            "transcription": self._transcription(settings),
            "turn_detection": turn_detection(settings.turn_detection),
        }

    def _output(self, settings: Settings) -> Wire:
        return {"format": FORMATS[self.audio_format], "speed": settings.speed, **self._voice(settings)}

    def _voice(self, settings: Settings) -> Wire:
        """Name the voice; one that a session brought along from another provider is left to this one's default."""
        if settings.voice.startswith("voice_"):
            return {"voice": {"id": settings.voice}}
        return {"voice": settings.voice} if settings.voice in self.voices else {}

    def _transcription(self, settings: Settings) -> Wire | None:
        wanted = settings.transcription
        if wanted is None:
            return None
        told: Wire = {"model": wanted.model if wanted.model in TRANSCRIBERS else self.transcriber}
        told |= {"language": wanted.language, "prompt": wanted.prompt, "delay": wanted.delay}
        told |= {"languages": list(wanted.languages), "keywords": list(wanted.keywords)}
        return {name: value for name, value in told.items() if value}


def tool(function: Tool) -> Wire:
    """Return a function as the session lists it."""
    told = {"type": "function", "name": function.name, "parameters": dict(function.parameters)}
    return told | ({"description": function.description} if function.description else {})


def choice(tool_choice: str | Mapping[str, Any]) -> Any:
    """Return the choice of tools: a word, or one function."""
    return tool_choice if isinstance(tool_choice, str) else dict(tool_choice)


def turn_detection(turns: TurnDetection | None) -> Wire | None:
    """Return the turn detection; ``None`` leaves turns to the client."""
    if turns is None:
        return None
    common: Wire = {"create_response": turns.create_response, "interrupt_response": turns.interrupt_response}
    if turns.kind == "semantic_vad":
        return {"type": "semantic_vad", "eagerness": turns.eagerness, **common}
    idle = {"idle_timeout_ms": turns.idle_timeout_ms} if turns.idle_timeout_ms is not None else {}
    return {
        "type": "server_vad",
        "threshold": turns.threshold,
        "prefix_padding_ms": turns.prefix_padding_ms,
        "silence_duration_ms": turns.silence_duration_ms,
        **idle,
        **common,
    }


def _reasoning(settings: Settings) -> Wire:
    """Return what only reasoning models take: named only where it was asked for."""
    told: Wire = {} if settings.reasoning_effort is None else {"reasoning": {"effort": settings.reasoning_effort}}
    if settings.parallel_tool_calls is not None:
        told["parallel_tool_calls"] = settings.parallel_tool_calls
    return told


def differing(before: Wire, after: Wire) -> Wire:
    """Return what of ``after`` is not so in ``before``."""
    return {name: value for name, value in after.items() if name not in before or before[name] != value}


CHANGES = frozenset(field.name for field in fields(Settings)) - {"model", "kind", "temperature"}
"""The settings that may change in mid-session: all but the model and what GA does not have."""
