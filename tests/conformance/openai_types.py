"""Is this exactly what the official Python SDK's types describe? Fields that they lack are as wrong as wrong values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from openai.types.realtime import (
    RealtimeServerEvent,
    RealtimeSessionCreateResponse,
    RealtimeTranscriptionSessionCreateResponse,
)
from pydantic import BaseModel, TypeAdapter

_EVENT: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)
_SESSIONS: dict[str, type[BaseModel]] = {
    "realtime": RealtimeSessionCreateResponse,
    "transcription": RealtimeTranscriptionSessionCreateResponse,
}
_SESSION_ONLY = ("id", "object", "expires_at")
"""What the reference shows in a session and the event types leave to the type of the created session."""


def check_event(message: dict[str, Any]) -> str:
    """Raise AssertionError or ValidationError unless the message is a server event of the SDK; return its type."""
    if message["type"] in ("session.created", "session.updated"):
        check_session(message["session"])
        rest = {key: value for key, value in message["session"].items() if key not in _SESSION_ONLY}
        message = message | {"session": rest}
    event = _EVENT.validate_python(message)
    assert event.type == message["type"], f"the SDK has no event {message['type']}"
    unknown = list(_extras(event, message["type"]))
    assert not unknown, f"fields that the SDK's types lack: {unknown}"
    assert message["type"] == "input_audio_buffer.dtmf_event_received" or message["event_id"]
    return str(message["type"])


def check_session(session: dict[str, Any]) -> None:
    """Raise unless this is a session as the SDK knows it: one that answers, or one that only writes down."""
    unknown = list(_extras(_SESSIONS[session["type"]].model_validate(session), "session"))
    assert not unknown, f"fields that the SDK's types lack: {unknown}"


def _extras(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, BaseModel):
        yield from (f"{path}.{name}" for name in value.model_extra or {})
        for name in type(value).model_fields:
            yield from _extras(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, (list, tuple)):
        for index, child in enumerate(value):
            yield from _extras(child, f"{path}[{index}]")
