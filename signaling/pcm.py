"""``GET /v1/realtime/pcm?model=&rate=``: a call for the simplest client there is, such as a microcontroller or a script.

Binary messages are sound in both directions: PCM16 little-endian mono at ``rate`` Hz (8000, 16000, 24000 or 48000; 24000
unless named), of any length. Sound comes as fast as it is made; the client queues and plays it. Text messages are small JSON
objects. From the server:

``{"type": "ready", "call_id", "model", "voice", "rate"}``
    first; sound may be sent from now on.
``{"type": "transcript", "text", "final"}``
    what the caller says; each replaces the one before until ``final``.
``{"type": "reply", "text", "final"}``
    what the model says: a piece to append, or all of it when ``final``.
``{"type": "clear"}``
    the caller interrupted: forget the sound that was not played yet.
``{"type": "error", "code", "message"}``
    something was refused; the call goes on.
``{"type": "end", "reason"}``
    last, before the socket closes.

From the client: ``{"type": "text", "text"}`` is a typed turn that is answered, ``{"type": "clear"}`` stops the answer. Keys,
origins, limits and close codes are those of ``/v1/realtime``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from mediaserver import events as happened
from mediaserver.audio.encodings import Encoding, Packer, Unpacker
from mediaserver.caller import Played
from mediaserver.clock import Clock, monotonic, new_id
from mediaserver.commands import ClearOutput, Command, CreateItem, CreateResponse
from mediaserver.errors import BadRequest, RequestError, TooLarge
from mediaserver.events import Event
from mediaserver.items import Item, Part
from signaling.auth import PROTOCOL, authenticate_socket
from signaling.door import DOOR
from signaling.realtime.opening import admit, serve_on_socket
from signaling.realtime.parse import parse_object, typed
from signaling.realtime.wire import SessionPatch
from signaling.socket import Socket, open_socket
from signaling.socket_call import SocketCall

RATES = (8000, 16000, 24000, 48000)
MAX_MESSAGE = 1 << 20


class Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a client may write."""

    type: Literal["text", "clear"]
    text: Annotated[str, Meta(max_length=65_536)] = ""


class PcmCaller(SocketCall):
    """See :class:`mediaserver.caller.Caller`. ``rate`` is the client's, in Hz, both ways."""

    def __init__(self, call_id: str, socket: Socket, rate: int, clock: Clock = monotonic) -> None:
        super().__init__(call_id, socket, clock)
        self._encoding = Encoding("pcm", rate)
        self._unpacker: Unpacker | None = None
        self._packer: Packer | None = None

    def play(self, item_id: str, pcm: bytes) -> None:
        """Send sound at once."""
        if self._packer is None:
            self._packer = Packer(self.play_rate, self._encoding)
        self._sound(self._packer.feed(pcm))
        if self.speaker is not None:
            self.speaker.add(item_id, pcm)

    def finish(self, item_id: str) -> None:
        """No more sound comes for this item."""
        if self._packer is not None:
            self._sound(self._packer.flush())
        if self.speaker is not None:
            self.speaker.finish(item_id)

    def clear(self) -> tuple[Played, ...]:
        """Say how much was heard, and have the client forget the rest."""
        played = super().clear()
        if self._packer is not None:
            self._packer.flush()
        if played:
            self._say({"type": "clear"})
        return played

    def tell(self, event: Event) -> None:
        """Tell the client, as far as its few words go."""
        row = _WORDS.get(type(event))
        if row is not None:
            self._say(row(event))
        elif isinstance(event, happened.SessionCreated):
            settings = event.settings
            facts = {"call_id": self.id, "model": settings.model, "voice": settings.voice, "rate": self._encoding.rate}
            self._say({"type": "ready", **facts})

    async def take(self, message: str | bytes) -> None:
        """Take sound, or a small object."""
        if isinstance(message, bytes):
            if self._unpacker is None:
                self._unpacker = Unpacker(self._encoding, self.hear_rate)
            await self.hear(self._unpacker, message)
            return
        try:
            self._ask(typed(parse_object(message), Said))
        except RequestError as refused:
            self._say({"type": "error", "code": refused.code, "message": refused.message})
            if isinstance(refused, TooLarge):
                self.socket.hang_up_too_large(refused)

    def _ask(self, said: Said) -> None:
        if said.type == "clear":
            commands: tuple[Command, ...] = (ClearOutput(),)
        elif said.text.strip():
            item = Item(new_id("item"), role="user", parts=(Part("input_text", said.text),))
            commands = (CreateItem(item=item), CreateResponse())
        else:
            raise BadRequest("there is no text", code="missing_required_parameter", param="text")
        for command in commands:
            if self.listener is not None:
                self.listener.ask(command)

    def _sound(self, pcm: bytes) -> None:
        if pcm:
            self.socket.send(pcm)

    def _say(self, message: dict[str, Any]) -> None:
        self.socket.send(msgspec.json.encode(message).decode())


async def connect(request: web.Request) -> web.StreamResponse:
    """Let a client in and serve it until the call is over; whoever may not is refused before the upgrade."""
    door = request.app[DOOR]
    who = authenticate_socket(request, "calls:create")
    rate = _rate(request.query.get("rate", "24000"))
    admitted = admit(door, who, SessionPatch(), request.query.get("model"))
    wire, socket = await open_socket(request, (PROTOCOL,), MAX_MESSAGE)
    await serve_on_socket(door, admitted, PcmCaller(door.names.new("rtc"), socket, rate), socket)
    return wire


def _rate(said: str) -> int:
    if said not in map(str, RATES):
        raise BadRequest(f"the rate is one of {', '.join(map(str, RATES))}", code="invalid_value", param="rate")
    return int(said)


_WORDS: dict[type[Event], Callable[[Any], dict[str, Any]]] = {
    happened.TranscriptPartial: lambda event: {"type": "transcript", "text": event.text, "final": False},
    happened.TranscriptFinal: lambda event: {"type": "transcript", "text": event.text, "final": True},
    happened.TextDelta: lambda event: {"type": "reply", "text": event.text, "final": False},
    happened.TextDone: lambda event: {"type": "reply", "text": event.text, "final": True},
    happened.Problem: lambda event: {"type": "error", "code": event.code, "message": event.message},
    happened.SessionEnded: lambda event: {"type": "end", "reason": event.reason},
}
