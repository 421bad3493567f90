"""Client events to commands: one row per event, each either a command or a refusal that names what was wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec

from mediaserver.commands import (
    CancelResponse,
    ClearInput,
    ClearOutput,
    Command,
    CommitInput,
    CreateItem,
    CreateResponse,
    DeleteItem,
    RetrieveItem,
    TruncateItem,
    UpdateSession,
)
from mediaserver.errors import BadRequest, RequestError
from mediaserver.items import Item
from mediaserver.settings import Settings
from signaling.realtime import wire
from signaling.realtime.effective import Effective, merge_model, modalities, voice_name
from signaling.realtime.items import read_item
from signaling.realtime.parse import parse_object, refusal


class Refused(Exception):
    """A client event that is no command: the error to send, and the client's name for its event where it could be read."""

    def __init__(self, error: RequestError, event_id: str | None) -> None:
        super().__init__(error.message)
        self.error = error
        self.event_id = event_id


class Reader:
    """Reads what one client says. ``effective`` is what it asked the session to be, the base of its next update."""

    def __init__(self, effective: Effective) -> None:
        self.effective = effective

    def read(self, text: str | bytes) -> Command:
        """Return the command. Raises Refused."""
        raw: dict[str, Any] = {}
        try:
            if not isinstance(text, str):
                raise BadRequest("binary messages are not part of this protocol", code="invalid_json")
            raw = parse_object(text)
            event = _client_event(raw)
            return _READERS[type(event)](self, event)
        except RequestError as error:
            raise Refused(error, _event_id(raw)) from None

    def session_update(self, event: wire.SessionUpdate) -> Command:
        """Merge the update; all of it or nothing."""
        with _below("session"):
            self.effective = self.effective.merged(event.session)
        return UpdateSession(event_id=event.event_id, settings=self.effective.settings)

    def response_create(self, event: wire.ResponseCreate) -> Command:
        """Answer now, with what differs from the session."""
        said = event.response
        if said is None:
            return CreateResponse(event_id=event.event_id)
        with _below("response"):
            settings = _response_settings(self.effective.settings, said)
        return CreateResponse(
            event_id=event.event_id,
            instructions=said.instructions,
            output_modalities=None if said.output_modalities is None else settings.output_modalities,
            voice=_voice(said),
            settings=settings,
            input=_input_items(said),
            out_of_band=said.conversation == "none",
            metadata=tuple((said.metadata or {}).items()),
        )


def _client_event(raw: dict[str, Any]) -> wire.ClientEvent:
    name = raw.get("type")
    if name is None:
        raise BadRequest("missing required parameter: type", code="missing_required_parameter", param="type")
    kind = wire.BY_TYPE.get(name) if isinstance(name, str) else None
    if kind is None:
        message = f"unknown event type; there are {', '.join(wire.BY_TYPE)}"
        raise BadRequest(message, code="invalid_value", param="type")
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as problem:
        raise refusal(str(problem)) from None


def _event_id(raw: dict[str, Any]) -> str | None:
    name = raw.get("event_id")
    return name if isinstance(name, str) and len(name) <= 512 else None


class _below:  # noqa: N801 - reads as a statement
    """Puts the name of the enclosing object in front of the path of a refusal."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Complete the path."""
        if isinstance(error, RequestError) and error.param:
            error.param = f"{self.name}.{error.param}"


def _response_settings(now: Settings, said: wire.ResponseParams) -> Settings:
    changes: dict[str, Any] = {}
    if said.instructions is not None:
        changes["instructions"] = said.instructions
    if said.output_modalities is not None:
        changes["output_modalities"] = modalities(said.output_modalities)
    if (voice := _voice(said)) is not None:
        changes["voice"] = voice
    return merge_model(replace(now, **changes), said)


def _voice(said: wire.ResponseParams) -> str | None:
    output = said.audio.output if said.audio else msgspec.UNSET
    if output is msgspec.UNSET or output.voice is msgspec.UNSET:
        return None
    return voice_name(output.voice)


def _input_items(said: wire.ResponseParams) -> tuple[Item, ...] | None:
    if said.input is None:
        return None
    return tuple(read_item(item, f"response.input[{index}]") for index, item in enumerate(said.input))


def _append(reader: Reader, event: wire.InputAppend) -> Command:
    message = "the sound of this call comes over its media track; input_audio_buffer.append is for WebSockets"
    raise BadRequest(message, code="unsupported_over_webrtc", param="audio")


def _item_create(reader: Reader, event: wire.ItemCreate) -> Command:
    item = read_item(event.item, "item")
    return CreateItem(event_id=event.event_id, item=item, previous_item_id=event.previous_item_id)


def _item_truncate(reader: Reader, event: wire.ItemTruncate) -> Command:
    return TruncateItem(
        event_id=event.event_id,
        item_id=event.item_id,
        content_index=event.content_index,
        audio_end_ms=event.audio_end_ms,
    )


_READERS: dict[type[wire.ClientEvent], Callable[[Reader, Any], Command]] = {
    wire.SessionUpdate: Reader.session_update,
    wire.InputAppend: _append,
    wire.InputCommit: lambda _, event: CommitInput(event_id=event.event_id),
    wire.InputClear: lambda _, event: ClearInput(event_id=event.event_id),
    wire.OutputClear: lambda _, event: ClearOutput(event_id=event.event_id),
    wire.ItemCreate: _item_create,
    wire.ItemRetrieve: lambda _, event: RetrieveItem(event_id=event.event_id, item_id=event.item_id),
    wire.ItemTruncate: _item_truncate,
    wire.ItemDelete: lambda _, event: DeleteItem(event_id=event.event_id, item_id=event.item_id),
    wire.ResponseCreate: Reader.response_create,
    wire.ResponseCancel: lambda _, event: CancelResponse(event_id=event.event_id, response_id=event.response_id),
}
