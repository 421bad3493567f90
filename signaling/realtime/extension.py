"""What our page and tools may know beyond the contract, on a data channel or in a WebSocket of theirs. Pure; JSON text.

All times are milliseconds of the server's monotonic clock. Standard events never carry extension fields; unknown types
are ignored by both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from mediaserver import events as happened
from mediaserver.events import Event
from mediaserver.settings import Settings

LABEL = "mediaserver-events"
"""The data channel that a client opens for it, and the subprotocol that it offers beside ``realtime`` for it."""

MAX_PING_BYTES = 1024


class Ping(msgspec.Struct, tag="ping", tag_field="type", frozen=True):
    """The page measures the clock's offset; ``t0`` is its own time in milliseconds."""

    t0: float


def write(event: Event, now: float) -> str | None:
    """Return the message that tells of an event, ``None`` when this channel has no word for it. ``now`` in seconds."""
    row = _WRITERS.get(type(event))
    return None if row is None else _text({"at": _ms(now), **row(event)})


def hello(now: float, call_id: str, session_id: str, settings: Settings) -> str:
    """Return the first message: which call this is."""
    facts = {"call_id": call_id, "session_id": session_id, "model": settings.model, "voice": settings.voice}
    return _text({"type": "hello", "version": 1, "at": _ms(now), **facts})


def answer(text: str | bytes, now: float) -> str | None:
    """Return the answer to a ping; ``None`` for everything else."""
    if len(text) > MAX_PING_BYTES:
        return None
    try:
        ping = msgspec.json.decode(text, type=Ping)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return _text({"type": "pong", "t0": ping.t0, "at": _ms(now)})


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)


def _text(message: Mapping[str, Any]) -> str:
    return msgspec.json.encode(message).decode()


def _fields(name: str, *names: str) -> Callable[[Any], dict[str, Any]]:
    return lambda event: {"type": name, **{field: getattr(event, field) for field in names}}


def _interrupted(event: happened.Interrupted) -> dict[str, Any]:
    plain = ("response_id", "item_id", "played_ms", "text", "unheard", "estimated")
    times = {"onset_ms": _ms(event.onset_at), "silent_ms": _ms(event.silent_at)}
    return _fields("interrupted", *plain)(event) | times


def _turn(event: happened.TurnMeasured) -> dict[str, Any]:
    stages = [{"name": stage.name, "start_ms": _ms(stage.start), "end_ms": _ms(stage.end)} for stage in event.stages]
    return {"type": "turn", "item_id": event.item_id, "response_id": event.response_id, "stages": stages}


_WRITERS: dict[type[Event], Callable[[Any], dict[str, Any]]] = {
    happened.TranscriptPartial: _fields("transcript.partial", "item_id", "text", "stable"),
    happened.Heard: _fields("heard", "item_id", "played_ms", "text", "unheard", "estimated"),
    happened.ReplyPaused: _fields("reply.paused", "response_id"),
    happened.ReplyResumed: _fields("reply.resumed", "response_id"),
    happened.Interrupted: _interrupted,
    happened.TurnMeasured: _turn,
    happened.SessionEnded: _fields("ended", "reason", "detail"),
}
