"""``GET /v1/realtime?call_id=``: a second controller on a live call, whatever its transport.

It is told what the call's own client is told (never the sound, unless it listens in), and what it sends is applied in the
order in which it arrives. ``input_audio_buffer.append`` is refused: the sound of a call is its caller's. The socket closes
when the call ends; the call goes on when the socket closes. Joining needs the scope ``calls:control`` and the key that
opened the call, or the client secret that opened it.

Supervision is an extension of ours, each part with a scope of its own:

==========================================  =================  =======================================================
client event                                scope              what it does
==========================================  =================  =======================================================
``supervisor.listen {enabled}``             ``calls:listen``   both sides' sound comes as ``supervisor.audio.delta``
``supervisor.whisper {text, respond?}``     ``calls:whisper``  tells the model something that the caller does not hear;
                                                               ``respond``: and has it answer now
``supervisor.take_over``                    ``calls:takeover`` the model is silent; this controller speaks to the caller
                                                               by ``input_audio_buffer.append`` (PCM16, 24 kHz, base64)
``supervisor.hand_back``                    ``calls:takeover`` the model goes on
==========================================  =================  =======================================================

Server events of ours: ``supervisor.state {listening, taken_over}`` answers each of them, and
``supervisor.audio.delta {track: "caller" | "model", item_id, audio}`` carries PCM16 at 24 kHz in base64; ``item_id`` is
``null`` for the caller. Every client event may carry an ``event_id``, and an error names it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Annotated, Any, Literal, Protocol

import msgspec
from aiohttp import WSCloseCode, web
from msgspec import Meta

from mediaserver.audio.resample import Resampler
from mediaserver.clock import new_id
from mediaserver.commands import Command
from mediaserver.errors import BadRequest, Hangup, RequestError, TooLarge, Unsupported
from mediaserver.events import Event, Problem
from mediaserver.gateway.permissions import permit_scope
from mediaserver.gateway.principal import Principal
from signaling.auth import PROTOCOL, authenticate_socket, speaks_beta
from signaling.door import DOOR
from signaling.realtime.codec import Append, RealtimeCodec, Refused
from signaling.realtime.opening import terms_of
from signaling.realtime.parse import parse_object, refusal
from signaling.realtime.wire import EventId, LongText
from signaling.socket import Socket, open_socket

MAX_MESSAGE = 1 << 20
RATE = 24000
"""Hz of all sound on this socket, PCM16 mono."""


class Supervised(Protocol):
    """The part of a session that supervision is about; see :class:`mediaserver.conversation.session.Session`."""

    def attach(self, controller: Sideband) -> None:
        """Tell this controller too, from now on."""
        ...

    def detach(self, controller: Sideband) -> None:
        """Tell it nothing any more; a call that it had taken over is handed back."""
        ...

    def controlled(self, controller: Sideband, command: Command) -> None:
        """Take a command; what is wrong with it comes back to this controller only."""
        ...

    def whisper(self, controller: Sideband, text: str, respond: bool) -> None:
        """Tell the model something. Raises Unsupported."""
        ...

    def take_over(self, controller: Sideband) -> None:
        """Silence the model. Raises BadRequest, Unsupported."""
        ...

    def hand_back(self, controller: Sideband) -> None:
        """Let the model go on. Raises BadRequest."""
        ...

    def speak(self, controller: Sideband, pcm: bytes) -> None:
        """Say something to the caller, at the session's play rate. Raises BadRequest unless taken over."""
        ...

    def catch_up(self) -> list[Event]:
        """Return what a newcomer is told first."""
        ...

    @property
    def play_rate(self) -> int:
        """Hz of what is said to the caller."""
        ...


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="type"):
    """Base of our client events."""

    event_id: EventId | None = None


class Listen(Ask, frozen=True, kw_only=True, tag="supervisor.listen"):
    """Send me the sound of both sides, or stop sending it."""

    enabled: bool


class Whisper(Ask, frozen=True, kw_only=True, tag="supervisor.whisper"):
    """Tell the model this."""

    text: Annotated[LongText, Meta(min_length=1)]
    respond: bool = False


class TakeOver(Ask, frozen=True, kw_only=True, tag="supervisor.take_over"):
    """I speak to the caller now."""


class HandBack(Ask, frozen=True, kw_only=True, tag="supervisor.hand_back"):
    """The model goes on."""


class Sideband:
    """Satisfies :class:`mediaserver.conversation.audience.Controller` on one WebSocket."""

    def __init__(self, who: Principal, session: Supervised, socket: Socket, codec: RealtimeCodec) -> None:
        self.listens = False
        self._name = f"{who.name}/{new_id('side')}"
        self._who = who
        self._session = session
        self._socket = socket
        self._codec = codec
        self._taken_over = False
        self._out: Resampler | None = None
        self._in: dict[str, Resampler] = {}

    @property
    def name(self) -> str:
        """Whose it is, and which of his."""
        return self._name

    async def run(self) -> None:
        """Serve until the socket or the call ends."""
        for event in self._session.catch_up():
            self.tell(event)
        self._session.attach(self)
        try:
            await self._socket.serve(self.take)
        except Hangup as over:
            self._session.detach(self)
            await self._socket.close(over.reason)
        finally:
            self._session.detach(self)

    # --- what the session says ----------------------------------------------------------------------------------------

    def tell(self, event: Event) -> None:
        """Tell it what happened."""
        for text in self._codec.write(event):
            self._socket.send(text)

    def hear_caller(self, pcm: bytes, rate: int) -> None:
        """Give it the caller's sound."""
        self._send_sound("caller", None, pcm, rate)

    def hear_model(self, item_id: str, pcm: bytes, rate: int) -> None:
        """Give it the model's sound."""
        self._send_sound("model", item_id, pcm, rate)

    def ended(self) -> None:
        """The call is over."""
        self._socket.hang_up("client_closed", "the call is over", WSCloseCode.OK, "call_ended")

    def _send_sound(self, track: Literal["caller", "model"], item_id: str | None, pcm: bytes, rate: int) -> None:
        resampler = self._in.get(track)
        if resampler is None:
            resampler = self._in[track] = Resampler(rate, RATE)
        audio = base64.b64encode(resampler.feed(pcm)).decode()
        self._say("supervisor.audio.delta", track=track, item_id=item_id, audio=audio)

    def _say(self, name: str, /, **fields: Any) -> None:
        message = {"type": name, "event_id": new_id("event"), **fields}
        self._socket.send(msgspec.json.encode(message).decode())

    # --- what the controller says -------------------------------------------------------------------------------------

    async def take(self, message: str | bytes) -> None:
        """Take a message: a command, a wish of a supervisor, or a refusal that names the controller's event."""
        if isinstance(message, bytes):
            self._socket.hang_up_binary()
            return
        try:
            self._act(message)
        except Refused as refused:
            self._refuse(refused.error, refused.event_id)

    def _act(self, text: str) -> None:
        asked = _supervising(text)
        if asked is not None:
            self._supervise(asked)
            return
        command = self._codec.read(text)
        if isinstance(command, Append):
            self._speak(command)
        else:
            self._session.controlled(self, command)

    def _supervise(self, asked: Ask) -> None:
        scope, act = _ROWS[type(asked)]
        try:
            permit_scope(self._who, scope)
            act(self, asked)
        except (RequestError, Unsupported) as refused:
            self._refuse(refused, asked.event_id)
            return
        self._say("supervisor.state", listening=self.listens, taken_over=self._taken_over)

    def _listen(self, asked: Listen) -> None:
        self.listens = asked.enabled
        self._in.clear()

    def _whisper(self, asked: Whisper) -> None:
        self._session.whisper(self, asked.text, asked.respond)

    def _take_over(self, _asked: TakeOver) -> None:
        self._session.take_over(self)
        self._taken_over, self._out = True, Resampler(RATE, self._session.play_rate)

    def _hand_back(self, _asked: HandBack) -> None:
        self._session.hand_back(self)
        self._taken_over, self._out = False, None

    def _speak(self, command: Append) -> None:
        try:
            if self._out is None:
                message = "only who has taken over a call speaks in it; its sound is its caller's"
                raise BadRequest(message, code="unsupported_over_sideband", param="audio")
            self._session.speak(self, self._out.feed(command.sound()))
        except (RequestError, Unsupported) as refused:
            self._refuse(refused, command.event_id)

    def _refuse(self, error: RequestError | Unsupported, event_id: str | None) -> None:
        kind, param = (error.type, error.param) if isinstance(error, RequestError) else ("invalid_request_error", None)
        self.tell(Problem(error.message, error.code, kind, param, event_id))
        if isinstance(error, TooLarge):
            self._socket.hang_up_too_large(error)


def _supervising(text: str) -> Ask | None:
    """Return the wish of a supervisor; ``None`` for what the codec reads. Raises Refused."""
    if '"supervisor.' not in text:
        return None
    try:
        raw = parse_object(text)
    except RequestError:
        return None  # the codec says why
    kind, event_id = _KINDS.get(str(raw.get("type"))), raw.get("event_id")
    if kind is None:
        return None
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as problem:
        raise Refused(refusal(str(problem)), event_id if isinstance(event_id, str) else None) from None


async def join(request: web.Request) -> web.StreamResponse:
    """Join a live call; refused before the upgrade."""
    door = request.app[DOOR]
    who = authenticate_socket(request, "calls:control")
    session, call = door.live_call(request.query["call_id"], who)
    wire, socket = await open_socket(request, (PROTOCOL,), MAX_MESSAGE)
    terms = terms_of(who, sound=True, beta=speaks_beta(request))
    codec = RealtimeCodec(call.in_force(session), terms, track=call.peer is not None)
    await Sideband(who, session, socket, codec).run()
    return wire


_KINDS: dict[str, type[Ask]] = {str(kind.__struct_config__.tag): kind for kind in (Listen, Whisper, TakeOver, HandBack)}
_ROWS: dict[type[Ask], tuple[str, Callable[[Sideband, Any], None]]] = {
    Listen: ("calls:listen", Sideband._listen),
    Whisper: ("calls:whisper", Sideband._whisper),
    TakeOver: ("calls:takeover", Sideband._take_over),
    HandBack: ("calls:takeover", Sideband._hand_back),
}
