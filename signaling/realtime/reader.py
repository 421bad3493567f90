"""Client events to commands: one row per event, each either a command or a refusal that names what was wrong."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace
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
from signaling.realtime.beta import translate
from signaling.realtime.effective import Effective, merge_model, modalities, voice_name
from signaling.realtime.items import read_item
from signaling.realtime.parse import parse_object, refusal

APPEND = "input_audio_buffer.append"
MAX_APPEND = 15 << 20
"""Bytes of one event that carries sound (OpenAI Realtime reference, "input_audio_buffer.append")."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What this client may say: ``sound`` in events (over a WebSocket), the ``beta`` shape of the contract.

    ``permit`` raises Forbidden for settings that its key does not grant, ``permit_model`` for a model.
    """

    sound: bool = False
    beta: bool = False
    permit: Callable[[Settings], None] | None = None
    permit_model: Callable[[str], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Append(Command):
    """The caller's sound as it came (base64): for the socket that it came on, never for a session."""

    audio: str

    def sound(self) -> bytes:
        """Return the bytes. Raises Refused for what is not base64."""
        try:
            return base64.b64decode(self.audio, validate=True)
        except ValueError:
            error = BadRequest("the sound is not valid base64", code="invalid_value", param="audio")
            raise Refused(error, self.event_id) from None


class Refused(Exception):
    """A client event that is no command: the error to send, and the client's name for its event where it could be read."""

    def __init__(self, error: RequestError, event_id: str | None) -> None:
        super().__init__(error.message)
        self.error = error
        self.event_id = event_id


class Reader:
    """Reads what one client says. ``effective`` is what it asked the session to be, the base of its next update."""

    def __init__(self, effective: Effective, terms: Terms | None = None) -> None:
        self.effective = effective
        self.terms = terms or Terms()

    def read(self, text: str | bytes) -> Command:
        """Return the command. Raises Refused."""
        quick = _quick_append(text) if self.terms.sound and isinstance(text, str) else None
        if quick is not None:
            return Append(event_id=quick.event_id, audio=quick.audio)
        raw: dict[str, Any] = {}
        try:
            if not isinstance(text, str):
                raise BadRequest("binary messages are not part of this protocol", code="invalid_json")
            raw = parse_object(text)
            event = _client_event(translate(raw) if self.terms.beta else raw)
            return _READERS[type(event)](self, event)
        except RequestError as error:
            raise Refused(error, _event_id(raw)) from None

    def session_update(self, event: wire.SessionUpdate) -> Command:
        """Merge the update; all of it or nothing."""
        with _below("session"):
            self.effective = self._checked(event.session)
        return UpdateSession(event_id=event.event_id, settings=self.effective.settings)

    def _checked(self, said: wire.SessionPatch) -> Effective:
        if said.type is not msgspec.UNSET and said.type != self.effective.settings.kind:
            raise BadRequest("the type of a session cannot change", code="invalid_value", param="type")
        if said.model and self.terms.permit_model is not None and said.model != self.effective.settings.model:
            self.terms.permit_model(said.model)
        merged = self.effective.merged(said)
        if self.terms.permit is not None:
            self.terms.permit(merged.settings)
        return merged

    def response_create(self, event: wire.ResponseCreate) -> Command:
        """Answer now, with what differs from the session."""
        said = event.response
        if self.effective.settings.kind == "transcription":
            raise BadRequest("a transcription session answers nothing", code="unsupported_session_type", param="type")
        if said is None:
            return CreateResponse(event_id=event.event_id)
        with _below("response"):
            settings = _response_settings(self.effective, said)
            if self.terms.permit is not None:
                self.terms.permit(settings)
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


def _quick_append(text: str) -> wire.InputAppend | None:
    """Read sound without the detours of untyped JSON; what this cannot read, the thorough way refuses with a reason."""
    if APPEND not in text or len(text) > MAX_APPEND:
        return None
    try:
        return msgspec.json.decode(text, type=wire.InputAppend)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


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


def _response_settings(effective: Effective, said: wire.ResponseParams) -> Settings:
    changes: dict[str, Any] = {}
    if said.instructions is not None:
        changes["instructions"] = said.instructions
    if said.output_modalities is not None:
        changes["output_modalities"] = modalities(said.output_modalities)
    if (voice := _voice(said)) is not None:
        changes["voice"] = voice
    return merge_model(replace(effective.settings, **changes), said, effective.servers)


def _voice(said: wire.ResponseParams) -> str | None:
    output = said.audio.output if said.audio else msgspec.UNSET
    if output is msgspec.UNSET or output.voice is msgspec.UNSET:
        return None
    return voice_name(output.voice)


def _input_items(said: wire.ResponseParams) -> tuple[Item | str, ...] | None:
    if said.input is None:
        return None
    return tuple(_input_item(item, f"response.input[{index}]") for index, item in enumerate(said.input))


def _input_item(said: wire.WireItem, where: str) -> Item | str:
    """Return the item, or the name of one of the conversation (``item_reference``)."""
    if said.type != "item_reference":
        return read_item(said, where)
    if said.id is None:
        param = f"{where}.id"
        raise BadRequest(f"missing required parameter: {param}", code="missing_required_parameter", param=param)
    return said.id


def _append(reader: Reader, event: wire.InputAppend) -> Command:
    if reader.terms.sound:
        return Append(event_id=event.event_id, audio=event.audio)
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
