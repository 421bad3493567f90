"""RTVI 2.1.0 as a pure codec: text in, what is asked out; events in, text out. No I/O and no clock but the transcripts'."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from mediaserver import events as happened
from mediaserver.commands import Command, CreateResponse
from mediaserver.errors import BadRequest, RequestError
from mediaserver.events import Event
from mediaserver.remember import remember
from mediaserver.settings import Settings
from signaling.realtime.parse import parse_object, typed
from signaling.rtvi.reader import NOTHING, Asked, read
from signaling.rtvi.wire import LABEL, MAX_ID, SIGNALLING, Envelope, Message, message
from signaling.rtvi.writer import MAX_KEPT, Writer

PING = "ping: "
MAX_PING = 64


@dataclass(frozen=True, slots=True)
class Told:
    """What an event makes of itself: messages to the client, and what we ask in its name."""

    texts: tuple[str, ...] = ()
    commands: tuple[Command, ...] = ()


class Refused(Exception):
    """A client's message that is none: the error to send."""

    def __init__(self, error: RequestError, name: str) -> None:
        super().__init__(error.message)
        kind = "error-response" if name else "error"
        data = {"error": error.message, "message": error.message, "fatal": False}
        self.text = text(message(kind, data, name))


def text(said: Message) -> str:
    """Return a message as it goes on the wire."""
    return msgspec.json.encode(said).decode()


class RtviCodec:
    """One client's side. The protocol lets a client answer functions and expects the model to go on by itself.

    So the open calls are kept here, and once the last of a response has its result the next response is asked for.
    """

    def __init__(self, settings: Settings, wall: Callable[[], float] = time.time) -> None:
        self._writer = Writer(settings, wall)
        self._open: dict[str, None] = {}
        self._making: dict[str, None] = {}
        self._owed = False

    @property
    def settings(self) -> Settings:
        """What is in force."""
        return self._writer.settings

    def read(self, said: str | bytes) -> Asked:
        """Return what one message asks. Raises Refused."""
        if isinstance(said, str) and said.startswith(PING) and len(said) <= MAX_PING:
            return NOTHING
        raw: dict[str, Any] = {}
        try:
            if not isinstance(said, str):
                raise BadRequest("binary messages are not part of this protocol", code="invalid_json")
            raw = parse_object(said)
            return self._read(raw)
        except RequestError as error:
            raise Refused(error, _name(raw)) from None

    def _read(self, raw: dict[str, Any]) -> Asked:
        if raw.get("type") == SIGNALLING or raw.get("label") != LABEL:
            return NOTHING  # which tracks are muted shows in their sound; other labels are other parties' business
        asked = read(typed(raw, Envelope), self.settings)
        if asked.version is not None:
            self._writer.version = asked.version
        return asked if asked.result_of is None else self._answered(asked, asked.result_of)

    def _answered(self, asked: Asked, call_id: str) -> Asked:
        if call_id not in self._open:
            raise BadRequest("no such function call is open", code="invalid_value", param="data.tool_call_id")
        del self._open[call_id]
        self._owed = True
        return replace(asked, commands=(*asked.commands, *self._go_on()))

    def _go_on(self) -> tuple[Command, ...]:
        if not self._owed or self._open or self._making:
            return ()
        self._owed = False
        return (CreateResponse(),)

    def write(self, event: Event) -> Told:
        """Return what becomes of an event."""
        texts = tuple(text(said) for said in self._writer.write(event))
        row = _FOLLOWED.get(type(event))
        return Told(texts, () if row is None else row(self, event))

    def _created(self, event: happened.ResponseCreated) -> tuple[Command, ...]:
        if not event.out_of_band:
            self._owed = False  # it knows every result there is so far
            remember(self._making, event.response_id, None, MAX_KEPT)
        return ()

    def _called(self, event: happened.ToolCalled) -> tuple[Command, ...]:
        if event.response_id in self._making:
            remember(self._open, event.call_id, None, MAX_KEPT)
        return ()

    def _done(self, event: happened.ResponseDone) -> tuple[Command, ...]:
        self._making.pop(event.response_id, None)
        return self._go_on()

    def _item(self, event: happened.ItemAdded) -> tuple[Command, ...]:
        """Somebody else executed the function: whoever did sees to what follows."""
        if event.item.kind == "function_call_output":
            self._open.pop(event.item.call_id or "", None)
        return ()

    def _withdrawn(self, event: happened.ToolsCancelled) -> tuple[Command, ...]:
        for call_id in event.call_ids:
            self._open.pop(call_id, None)
        return ()


def _name(raw: dict[str, Any]) -> str:
    name = raw.get("id")
    return name if isinstance(name, str) and len(name) <= MAX_ID else ""


_FOLLOWED: dict[type[Event], Callable[[RtviCodec, Any], tuple[Command, ...]]] = {
    happened.ResponseCreated: RtviCodec._created,
    happened.ToolCalled: RtviCodec._called,
    happened.ResponseDone: RtviCodec._done,
    happened.ItemAdded: RtviCodec._item,
    happened.ToolsCancelled: RtviCodec._withdrawn,
}
