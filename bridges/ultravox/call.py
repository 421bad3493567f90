"""The body of the request that makes a call: everything that cannot be changed later.

Source: Ultravox API reference, "Create Call" and "Create Agent Call".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bridges.options import Ultravox
from mediaserver.bridge import Opening
from mediaserver.events import Problem
from mediaserver.items import Item
from mediaserver.settings import Settings, Tool, TurnDetection

INPUT_RATE, OUTPUT_RATE = 16000, 24000
BUFFER_MS = 30_000
"""How far ahead the server may send; an interruption clears what was not played (``playback_clear_buffer``)."""
MAX_SESSION_S = 3600.0
MAX_MESSAGES = 400
LOWEST_THRESHOLD = 0.1

_ROLES = {"user": "MESSAGE_ROLE_USER", "assistant": "MESSAGE_ROLE_AGENT"}
_ORDINARY = TurnDetection()


def body(chosen: Ultravox, opening: Opening) -> dict[str, Any]:
    """Return the request's body: of a stored agent's call only what may stand beside its template."""
    common = _common(chosen, opening)
    if chosen.agent_id:
        return common | ({"templateContext": dict(chosen.template_context)} if chosen.template_context else {})
    return common | _own(chosen, opening)


def _common(chosen: Ultravox, opening: Opening) -> dict[str, Any]:
    settings = opening.settings
    written = settings.output_modalities == ("text",)
    said = messages(opening.history)
    agent_first = chosen.first_speaker == "agent" and not opening.history
    return {
        "medium": {"serverWebSocket": _socket()},
        "initialOutputMedium": "MESSAGE_MEDIUM_TEXT" if written else "MESSAGE_MEDIUM_VOICE",
        "firstSpeakerSettings": {"agent": {}} if agent_first else {"user": {}},
        "joinTimeout": "30s",
        "maxDuration": f"{chosen.max_session_s or MAX_SESSION_S:g}s",
        **({"initialMessages": said} if said else {}),
    }


def _own(chosen: Ultravox, opening: Opening) -> dict[str, Any]:
    settings = opening.settings
    language = settings.transcription.language if settings.transcription is not None else None
    fields: dict[str, Any] = {
        "systemPrompt": prompt(settings, opening.history),
        "model": chosen.model,
        "voice": settings.voice,
        "temperature": None if settings.temperature is None else min(max(settings.temperature, 0.0), 1.0),
        "languageHint": language or chosen.language,
        "selectedTools": [tool(each, chosen.tool_timeout_s) for each in settings.tools],
        "vadSettings": _turns(settings.turn_detection),
    }
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}


def _socket() -> dict[str, Any]:
    return {
        "inputSampleRate": INPUT_RATE,
        "outputSampleRate": OUTPUT_RATE,
        "clientBufferSizeMs": BUFFER_MS,
        "dataMessages": {"userStartedSpeaking": True, "userStoppedSpeaking": True},
    }


def _turns(detection: TurnDetection | None) -> dict[str, Any]:
    """Return what a client chose; where it did not, Ultravox's own values are better than a translation of our defaults."""
    if detection is None:
        return {}
    told: dict[str, Any] = {}
    if detection.silence_duration_ms != _ORDINARY.silence_duration_ms:
        told["turnEndpointDelay"] = f"{detection.silence_duration_ms / 1000:g}s"
    if detection.threshold != _ORDINARY.threshold:
        told["frameActivationThreshold"] = max(LOWEST_THRESHOLD, detection.threshold)
    return told


def prompt(settings: Settings, history: Sequence[Item] = ()) -> str:
    """Return the instructions and what the conversation's system messages added to them."""
    notes = [item.text for item in history if item.role == "system" and item.text]
    return "\n\n".join(part for part in (settings.instructions, *notes) if part)


def tool(told: Tool, timeout_s: float) -> dict[str, Any]:
    """Return a function as a temporary tool that the client runs: each property of its schema is a parameter."""
    properties = told.parameters.get("properties") or {}
    required = frozenset(told.parameters.get("required") or ())
    return {
        "temporaryTool": {
            "modelToolName": told.name,
            "description": told.description,
            "dynamicParameters": [
                {
                    "name": name,
                    "location": "PARAMETER_LOCATION_BODY",
                    "schema": schema,
                    "required": name in required,
                }
                for name, schema in properties.items()
            ],
            "timeout": f"{timeout_s:g}s",
            "client": {},
        }
    }


def messages(history: Sequence[Item]) -> list[dict[str, Any]]:
    """Return what was said before as ``initialMessages``; calls and outputs keep their own roles."""
    names = {item.call_id: item.name for item in history if item.kind == "function_call"}
    told = [_message(item, names.get(item.call_id)) for item in history[-MAX_MESSAGES:]]
    return [each for each in told if each is not None]


def _message(item: Item, name: str | None) -> dict[str, Any] | None:
    if item.kind == "message":
        role = _ROLES.get(item.role or "")
        return {"role": role, "text": item.text} if role and item.text else None
    called = item.kind == "function_call"
    return {
        "role": "MESSAGE_ROLE_TOOL_CALL" if called else "MESSAGE_ROLE_TOOL_RESULT",
        "text": item.arguments if called else item.output,
        "invocationId": item.call_id or item.id,
        "toolName": name or "unknown",
    }


def unmet(chosen: Ultravox, settings: Settings) -> Sequence[Problem]:
    """Return what a stored agent does not let us choose, for the client to know."""
    if not chosen.agent_id:
        return ()
    asked = {
        "session.audio.output.voice": bool(settings.voice),
        "session.tools": bool(settings.tools),
    }
    return tuple(
        Problem("the stored agent behind this call has its own", "unsupported_by_provider", param=name)
        for name, is_asked in asked.items()
        if is_asked
    )
