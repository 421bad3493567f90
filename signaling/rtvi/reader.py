"""RTVI messages of a client to commands: one row per message, each either understood or refused by name. Pure.

What a client sends that asks for nothing here (its user interface's ``ui-*`` messages) is taken without an answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from mediaserver.clock import new_id
from mediaserver.commands import (
    CancelResponse,
    ClearInput,
    ClearOutput,
    Command,
    CommitInput,
    CreateItem,
    CreateResponse,
    UpdateSession,
)
from mediaserver.errors import BadRequest
from mediaserver.events import DigitPressed
from mediaserver.items import Item, Part, PartKind
from mediaserver.settings import Settings
from signaling.realtime.effective import Effective
from signaling.realtime.parse import typed
from signaling.realtime.wire import SessionPatch
from signaling.rtvi import wire
from signaling.rtvi.wire import Message, message

KEYS = frozenset("0123456789*#")
KEY_MS = 100
"""How long a key that was sent as a message counts as pressed, in milliseconds."""

_PARTS: dict[str, PartKind] = {"assistant": "output_text"}
_ABOUT = {"library": "mediaserver"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What one message asks for; ``answer`` goes back when nothing of it was refused.

    ``goodbye``: the client wants the call to end. ``result_of`` is the function call that this answers.
    """

    commands: tuple[Command, ...] = ()
    keys: tuple[DigitPressed, ...] = ()
    answer: Message | None = None
    goodbye: bool = False
    version: int | None = None
    result_of: str | None = None


NOTHING = Asked()


def read(envelope: wire.Envelope, settings: Settings) -> Asked:
    """Return what a message asks; ``settings`` are those in force. Raises BadRequest."""
    row = _READERS.get(envelope.type)
    if row is None:
        known = ", ".join(_READERS)
        raise BadRequest(f"unsupported type; there are {known}", code="unknown_type", param="type")
    kind, reader = row
    data = envelope.data if envelope.data is not None else {}
    return reader(typed(data, kind, "data"), envelope.id, settings)


def _ready(said: wire.ClientReady, name: str, _: Settings) -> Asked:
    major = said.version.partition(".")[0]
    version = int(major) if major.isascii() and major.isdigit() and len(major) < 4 else 0
    answer = message("bot-ready", {"version": wire.VERSION, "about": _ABOUT}, name)
    return Asked(answer=answer, version=version)


def _send_text(said: wire.SendText, name: str, _: Settings) -> Asked:
    options = said.options or wire.TextOptions()
    item = _message("user", said.content)
    if not options.run_immediately:
        return Asked((CreateItem(event_id=name, item=item),))
    modalities: tuple[Literal["audio", "text"], ...] | None = None if options.audio_response else ("text",)
    return Asked(
        (
            ClearOutput(event_id=name),
            CreateItem(event_id=name, item=item),
            CreateResponse(event_id=name, output_modalities=modalities),
        )
    )


def _append(said: wire.AppendToContext, name: str, _: Settings) -> Asked:
    text = said.content if isinstance(said.content, str) else " ".join(part.text for part in said.content)
    create = CreateItem(event_id=name, item=_message(said.role, text))
    return Asked((create, CreateResponse(event_id=name)) if said.run_immediately else (create,))


def _message(role: Literal["system", "user", "assistant"], text: str) -> Item:
    return Item(new_id("item"), role=role, parts=(Part(_PARTS.get(role, "input_text"), text),))


def _result(said: wire.FunctionResult, name: str, _: Settings) -> Asked:
    output = said.result if isinstance(said.result, str) else msgspec.json.encode(said.result).decode()
    item = Item(new_id("item"), "function_call_output", call_id=said.tool_call_id, output=output)
    return Asked((CreateItem(event_id=name, item=item),), result_of=said.tool_call_id)


def _dtmf(said: wire.Dtmf, name: str, _: Settings) -> Asked:
    buttons = said.buttons or ([said.button] if said.button is not None else [])
    if not buttons or not KEYS.issuperset(buttons):
        raise BadRequest("buttons are some of 0-9, * and #", code="invalid_value", param="data.buttons")
    return Asked(keys=tuple(DigitPressed(button, KEY_MS) for button in buttons))


def _client_message(said: wire.ClientMessage, name: str, settings: Settings) -> Asked:
    row = _REQUESTS.get(said.t)
    if row is None:
        known = ", ".join(_REQUESTS)
        raise BadRequest(f"no such request; there are {known}", code="unknown_type", param="data.t")
    commands, data = row(said.d, name, settings)
    return Asked(commands, answer=message("server-response", {"t": said.t, "d": data}, name))


def _raw_audio(_said: Any, _name: str, _settings: Settings) -> Asked:
    raise BadRequest("the sound of this call comes over its media track", code="unsupported_over_webrtc", param="type")


_READERS: dict[str, tuple[Any, Callable[[Any, str, Settings], Asked]]] = {
    "client-ready": (wire.ClientReady, _ready),
    "send-text": (wire.SendText, _send_text),
    "append-to-context": (wire.AppendToContext, _append),
    "llm-function-call-result": (wire.FunctionResult, _result),
    "client-message": (wire.ClientMessage, _client_message),
    "dtmf": (wire.Dtmf, _dtmf),
    "disconnect-bot": (Any, lambda _said, _name, _settings: Asked(goodbye=True)),
    "raw-audio": (Any, _raw_audio),
    "raw-audio-batch": (Any, _raw_audio),
    "ui-event": (Any, lambda _said, _name, _settings: NOTHING),
    "ui-snapshot": (Any, lambda _said, _name, _settings: NOTHING),
    "ui-cancel-job-group": (Any, lambda _said, _name, _settings: NOTHING),
}


# --- requests of the application: the ``t`` of a client-message -------------------------------------------------------

Request = Callable[[Any, str, Settings], tuple[tuple[Command, ...], Message]]


def _session(_data: Any, _name: str, settings: Settings) -> tuple[tuple[Command, ...], Message]:
    return (), Effective(settings).written("", None)


def _update(data: Any, name: str, settings: Settings) -> tuple[tuple[Command, ...], Message]:
    now = Effective(settings).merged(typed(data, SessionPatch, "data.d"))
    return (UpdateSession(event_id=name, settings=now.settings),), {}


def _plain(kind: type[Command]) -> Request:
    return lambda _data, name, _settings: ((kind(event_id=name),), {})


_REQUESTS: dict[str, Request] = {
    "session.get": _session,
    "session.update": _update,
    "response.create": _plain(CreateResponse),
    "response.cancel": _plain(CancelResponse),
    "output.clear": _plain(ClearOutput),
    "input.commit": _plain(CommitInput),
    "input.clear": _plain(ClearInput),
}
