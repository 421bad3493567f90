"""The session as the contract shows it: what is in force, how an update changes it, how it is written.

An update is merged key by key: only keys that are present change, ``null`` clears, and either all of it applies or nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct

from mediaserver import settings as ours
from mediaserver.conversation.offering import allowed_mcp
from mediaserver.errors import BadRequest
from mediaserver.personas import Persona, personified
from mediaserver.settings import Settings
from mediaserver.toolbox import ToolServer
from signaling.realtime import wire
from signaling.realtime.parse import typed

_TUNING = ("threshold", "prefix_padding_ms", "silence_duration_ms")
PCM: dict[str, Any] = {"type": "audio/pcm", "rate": 24000}
_KINDS: dict[str, Literal["server_vad", "semantic_vad"]] = {"semantic_vad": "semantic_vad"}


@dataclass(frozen=True, slots=True)
class Effective:
    """What is in force. ``settings`` are the part that the server acts on; the rest is kept for the echo.

    ``servers`` are the MCP servers of the configuration, of which a client may ask for tools; ``personas`` those that it
    may ask for as a stored prompt, ``persona`` the name of the one in force.
    """

    settings: Settings
    input_format: Mapping[str, Any] = field(default_factory=lambda: dict(PCM))
    output_format: Mapping[str, Any] = field(default_factory=lambda: dict(PCM))
    noise_reduction: Mapping[str, Any] | None = None
    tracing: Any = None
    truncation: Any = "auto"
    include: tuple[str, ...] | None = None
    prompt: Any = None
    servers: tuple[ToolServer, ...] = ()
    personas: Mapping[str, Persona] = field(default_factory=dict)
    persona: str = ""

    def merged(self, patch: wire.SessionPatch) -> Effective:
        """Return what is in force after ``patch``. Raises BadRequest with the path of what cannot be.

        ``model`` is fixed when the call is made; SDKs repeat it (or their own default) in every update, so another name
        changes nothing and the answer shows the one in force.
        """
        new = self._prompted(patch.prompt)
        new = replace(new, settings=_merge_settings(new.settings, patch, self.servers))
        if patch.audio is not UNSET:
            new = _merge_audio(new, patch.audio)
        new = replace(new, settings=_of_its_kind(new.settings))
        kept = {
            name: _plain(getattr(patch, name)) for name in ("tracing", "prompt") if getattr(patch, name) is not UNSET
        }
        if patch.truncation is not UNSET:
            kept["truncation"] = _plain(patch.truncation) or "auto"
        if patch.include is not UNSET:
            kept["include"] = tuple(patch.include) if patch.include else None
        return replace(new, **kept)

    def _prompted(self, prompt: wire.Prompt | msgspec.UnsetType | None) -> Effective:
        """Put a persona in force. Where the configuration has none, a prompt is for the provider, and only kept."""
        if not prompt or not self.personas:
            return self
        persona = self.personas.get(prompt.id)
        if persona is None:
            message = f"there is no such prompt; there are {', '.join(self.personas)}"
            raise BadRequest(message, code="invalid_value", param="prompt.id")
        settings = personified(self.settings, persona, prompt.variables or {})
        return replace(self, settings=settings, persona=prompt.id)

    def written(self, session_id: str, expires_at: int | None) -> dict[str, Any]:
        """Return the ``session`` of ``session.created`` and ``session.updated``: all of it, nothing left out."""
        now = self.settings
        if now.kind == "transcription":
            return self._transcription_session(session_id, expires_at)
        written: dict[str, Any] = {
            "type": "realtime",
            "object": "realtime.session",
            "id": session_id,
            "model": now.model,
            "output_modalities": list(now.output_modalities),
            "instructions": now.instructions,
            "audio": {
                "input": {
                    "format": dict(self.input_format),
                    "noise_reduction": self.noise_reduction,
                    "transcription": self._transcription(),
                    "turn_detection": write_turn_detection(now.turn_detection),
                },
                "output": {"format": dict(self.output_format), "voice": now.voice, "speed": now.speed},
            },
            "tools": [write_tool(tool) for tool in now.tools],
            "tool_choice": now.tool_choice if isinstance(now.tool_choice, str) else dict(now.tool_choice),
            "max_output_tokens": "inf" if now.max_output_tokens is None else now.max_output_tokens,
            "tracing": self.tracing,
            "truncation": self.truncation,
            "prompt": self.prompt,
            "include": list(self.include) if self.include else None,
            "expires_at": expires_at,
        }
        if now.reasoning_effort is not None:
            written["reasoning"] = {"effort": now.reasoning_effort}
        if now.parallel_tool_calls is not None:
            written["parallel_tool_calls"] = now.parallel_tool_calls
        return written

    def _transcription_session(self, session_id: str, expires_at: int | None) -> dict[str, Any]:
        heard = {
            "format": dict(self.input_format),
            "noise_reduction": self.noise_reduction,
            "transcription": self._transcription(),
            "turn_detection": _ends_of_turns(self.settings.turn_detection),
        }
        return {
            "type": "transcription",
            "object": "realtime.transcription_session",
            "id": session_id,
            "audio": {"input": heard},
            "include": list(self.include) if self.include else None,
            "expires_at": expires_at,
        }

    def _transcription(self) -> dict[str, Any] | None:
        asked = self.settings.transcription
        if asked is None:
            return None
        said = {
            "model": asked.model or None,
            "language": asked.language,
            "prompt": asked.prompt or None,
            "languages": list(asked.languages) or None,
            "keywords": list(asked.keywords) or None,
            "delay": asked.delay,
        }
        return {name: value for name, value in said.items() if value is not None}


def merge_model(
    now: Settings, patch: wire.SessionPatch | wire.ResponseParams, servers: Sequence[ToolServer] = ()
) -> Settings:
    """Return the settings after the keys that an update and a response treat alike: tools, length, how it thinks."""
    changes: dict[str, Any] = {}
    if patch.tools is not UNSET:
        changes["tools"] = read_tools(patch.tools or (), servers)
    if patch.tool_choice is not UNSET:
        changes["tool_choice"] = _plain(patch.tool_choice) or "auto"
    if patch.max_output_tokens is not UNSET:
        changes["max_output_tokens"] = patch.max_output_tokens if isinstance(patch.max_output_tokens, int) else None
    if patch.reasoning is not UNSET:
        effort = patch.reasoning.effort if patch.reasoning else None
        changes["reasoning_effort"] = None if effort is UNSET else effort
    for name in ("parallel_tool_calls", "temperature"):
        if (value := getattr(patch, name)) is not UNSET:
            changes[name] = value
    return replace(now, **changes)


def modalities(asked: Sequence[Literal["audio", "text"]]) -> tuple[Literal["audio", "text"], ...]:
    """Return the one modality asked for: sound always carries its transcript, so the contract refuses both."""
    if len(asked) != 1:
        raise BadRequest(
            "output_modalities is either ['audio'] or ['text']", code="invalid_value", param="output_modalities"
        )
    return tuple(asked)


def read_tools(tools: Sequence[Mapping[str, Any]], servers: Sequence[ToolServer] = ()) -> tuple[ours.Tool, ...]:
    """Return the functions, also those of MCP servers that may be asked for.

    Raises BadRequest for a tool of another kind, one named twice, and a server that is not one of these.
    """
    read = tuple(one for index, tool in enumerate(tools) for one in _read_tool(tool, servers, f"tools[{index}]"))
    if len({tool.name for tool in read}) != len(read):
        raise BadRequest("two tools have the same name", code="invalid_value", param="tools")
    return read


def _read_tool(tool: Mapping[str, Any], servers: Sequence[ToolServer], where: str) -> tuple[ours.Tool, ...]:
    kind = tool.get("type")
    if kind == "mcp":
        return allowed_mcp(tool, servers, where)
    if isinstance(kind, str) and kind != "function":
        message = "only tools of type 'function' and 'mcp' can be used here"
        raise BadRequest(message, code="unsupported_by_provider", param=f"{where}.type")
    read = typed(tool, wire.FunctionTool, where)
    return (ours.Tool(read.name, read.description or "", read.parameters or {}),)


def write_tool(tool: ours.Tool) -> dict[str, Any]:
    """Return the tool as the contract writes it."""
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(tool.parameters),
    }


def write_turn_detection(turns: ours.TurnDetection | None) -> dict[str, Any] | None:
    """Return the object that clients read to know who interrupts whom."""
    if turns is None:
        return None
    both = {"create_response": turns.create_response, "interrupt_response": turns.interrupt_response}
    if turns.kind == "semantic_vad":
        return {"type": "semantic_vad", "eagerness": turns.eagerness, **both}
    return {
        "type": "server_vad",
        "threshold": turns.threshold,
        "prefix_padding_ms": turns.prefix_padding_ms,
        "silence_duration_ms": turns.silence_duration_ms,
        "idle_timeout_ms": turns.idle_timeout_ms,
        **both,
    }


def _ends_of_turns(turns: ours.TurnDetection | None) -> dict[str, Any] | None:
    """Return what of the turn detection concerns a session that answers nothing."""
    if turns is None:
        return None
    if turns.kind == "semantic_vad":
        return {"type": "semantic_vad"}
    return {name: getattr(turns, name) for name in _TUNING} | {"type": "server_vad"}


def _of_its_kind(settings: Settings) -> Settings:
    """A transcription session answers nothing, whatever its turn detection says."""
    turns = settings.turn_detection
    if settings.kind != "transcription" or turns is None:
        return settings
    return replace(settings, turn_detection=replace(turns, create_response=False, idle_timeout_ms=None))


def voice_name(voice: str | wire.Voice) -> str:
    """Return the name of a voice given as text or as an object."""
    return voice if isinstance(voice, str) else voice.id


def _merge_settings(now: Settings, patch: wire.SessionPatch, servers: Sequence[ToolServer]) -> Settings:
    changes: dict[str, Any] = {}
    if patch.instructions is not UNSET:
        changes["instructions"] = patch.instructions or ""
    if patch.output_modalities is not UNSET:
        changes["output_modalities"] = modalities(patch.output_modalities or ["audio"])
    if patch.type is not UNSET:
        changes["kind"] = patch.type
    return merge_model(replace(now, **changes), patch, servers)


def _merge_audio(now: Effective, audio: wire.Audio) -> Effective:
    if audio.input is not UNSET:
        now = _merge_input(now, audio.input)
    if audio.output is not UNSET:
        now = _merge_output(now, audio.output)
    return now


def _merge_input(now: Effective, said: wire.AudioInput) -> Effective:
    settings = now.settings
    if said.format is not UNSET:
        now = replace(now, input_format=_format(said.format))
    if said.noise_reduction is not UNSET:
        quieter = _noise_reduction(now.noise_reduction, said.noise_reduction)
        now = replace(now, noise_reduction=quieter)
        settings = replace(settings, noise_reduction=quieter["type"] if quieter else None)
    if said.transcription is not UNSET:
        settings = replace(settings, transcription=_transcription(settings.transcription, said.transcription))
    if said.turn_detection is not UNSET:
        settings = replace(settings, turn_detection=_turn_detection(settings.turn_detection, said.turn_detection))
    return replace(now, settings=settings)


def _merge_output(now: Effective, said: wire.AudioOutput) -> Effective:
    changes: dict[str, Any] = {}
    if said.voice is not UNSET:
        changes["voice"] = voice_name(said.voice)
    if said.speed is not UNSET:
        changes["speed"] = said.speed
    output_format = now.output_format if said.format is UNSET else _format(said.format)
    return replace(now, settings=replace(now.settings, **changes), output_format=output_format)


def _format(said: wire.AudioFormat) -> dict[str, Any]:
    return dict(PCM) if said.type == "audio/pcm" else {"type": said.type}


def _noise_reduction(now: Mapping[str, Any] | None, said: wire.NoiseReduction | None) -> dict[str, Any] | None:
    if said is None:
        return None
    return {"type": "near_field", **(now or {}), **_present(said)}


def _transcription(now: ours.Transcription | None, said: wire.Transcription | None) -> ours.Transcription | None:
    """Any model name is taken: what is not known is the configured engine's business."""
    if said is None:
        return None
    given: dict[str, Any] = _present(said)
    given |= {name: tuple(value) for name, value in given.items() if isinstance(value, list)}
    plain = ours.Transcription()
    cleared: dict[str, Any] = {name: getattr(plain, name) for name, value in given.items() if value is None}
    return replace(now or plain, **(given | cleared))


def _turn_detection(now: ours.TurnDetection | None, said: wire.TurnDetection | None) -> ours.TurnDetection | None:
    """Keys that are present change what is in force; another kind starts from its defaults, and so does ``null``."""
    if said is None:
        return None
    given = _present(said)
    name = given.pop("type", None)
    kind = _KINDS.get(name, "server_vad") if name is not None else (now.kind if now else "server_vad")
    base = now if now is not None and now.kind == kind else ours.TurnDetection(kind=kind)
    defaults = ours.TurnDetection()
    return replace(base, **{key: getattr(defaults, key) if value is None else value for key, value in given.items()})


def _present(said: Struct) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(said).items() if value is not UNSET}


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value)
