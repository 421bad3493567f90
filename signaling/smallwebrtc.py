"""Pipecat's SmallWebRTC door: ``/start``, ``/status``, ``/api/offer`` (Pipecat ``runner/run.py``, ``request_handler.py``).

One call is one ``pc_id``, which a client keeps over renegotiations and over new peer connections (``restart_pc``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Literal

from aiohttp import web
from msgspec import Meta, Struct, field

from mediaserver.conversation.session import Session
from mediaserver.errors import NotFound
from mediaserver.gateway.permissions import permit_settings
from mediaserver.gateway.principal import Principal
from mediaserver.rtc.description import Terms
from signaling.auth import authenticate
from signaling.body import read_bytes, text_of
from signaling.door import DOOR, Door
from signaling.line import Line
from signaling.realtime.effective import Effective
from signaling.realtime.offer import MAX_SDP
from signaling.realtime.opening import Admitted, admit, begin_on_media
from signaling.realtime.parse import parse_object, typed
from signaling.realtime.wire import SessionPatch
from signaling.rtvi.codec import RtviCodec
from signaling.rtvi.dialect import RtviDialect

TERMS = Terms(hold_video=True)
Name = Annotated[str, Meta(max_length=256)]


class Start(Struct, frozen=True):
    """The body of ``/start``; ``body`` is the application's, of which we read what :class:`Wanted` names."""

    transport: Literal["webrtc"] = "webrtc"
    body: dict[str, Any] | None = None


class Wanted(Struct, frozen=True):
    """What an application may say of the call that it wants: a model, and a session as ``/v1/realtime/calls`` takes it."""

    model: Name | None = None
    session: SessionPatch | None = None


class Offer(Struct, frozen=True):
    """The body of ``POST /api/offer``; both spellings of the application's data are in use."""

    sdp: Annotated[str, Meta(min_length=1, max_length=MAX_SDP)]
    type: Literal["offer"] = "offer"
    pc_id: Name | None = None
    restart_pc: bool = False
    request_data: Any = None
    camel_data: Any = field(name="requestData", default=None)

    @property
    def data(self) -> Mapping[str, Any]:
        """What the application says, ``{}`` where that is no object."""
        said = self.camel_data if self.camel_data is not None else self.request_data
        return said if isinstance(said, dict) else {}


class Trickle(Struct, frozen=True):
    """The body of ``PATCH /api/offer``. What the candidates are does not matter: an ICE-lite server contacts none."""

    pc_id: Name
    candidates: Annotated[list[Any], Meta(max_length=256)] = []


async def status(request: web.Request) -> web.Response:
    """``GET /status``: what a client may start here."""
    request.app[DOOR].open_house()
    return web.json_response({"status": "ready", "transports": ["webrtc"]})


async def start(request: web.Request) -> web.Response:
    """``POST /start``: keep what the application wants, and name the session that its offer belongs to."""
    door, who = request.app[DOOR], authenticate(request, "calls:create")
    wanted = typed(await _body(request), Start).body or {}
    _admit(door, who, wanted)  # what cannot be is refused here, where the client looks for a reason
    name = door.visits.begin(who.name, wanted)
    return web.json_response({"sessionId": name, "iceConfig": {"iceServers": []}})


async def offer(request: web.Request) -> web.Response:
    """``POST /api/offer``: make a call, renegotiate it, or go on with it on a new peer connection."""
    door, who = request.app[DOOR], authenticate(request, "calls:create")
    said = typed(await _body(request), Offer)
    wanted = {**_visit(request, door, who), **said.data}
    if said.pc_id:
        return _answer(said.pc_id, await _go_on(door, who, said.pc_id, said))
    admitted = _admit(door, who, wanted)
    line, answer = await _begin(door, admitted, said.sdp)
    return _answer(line.id, answer)


async def trickle(request: web.Request) -> web.Response:
    """``PATCH /api/offer``: acknowledge a client's candidates."""
    door, who = request.app[DOOR], authenticate(request, "calls:create")
    _visit(request, door, who)
    _line(door, who, typed(await _body(request), Trickle).pc_id)
    return web.json_response({"status": "success"})


async def _begin(door: Door, admitted: Admitted, sdp: str) -> tuple[Line, str]:
    codec = RtviCodec(admitted.effective.settings)
    dialect = RtviDialect(codec, partial(permit_settings, admitted.who))
    line, answer = Line.open(door.open_house().port, sdp, dialect, door.names.new("rtc"), TERMS)
    await begin_on_media(door, admitted, line, line.peer, lambda: Effective(codec.settings))
    return line, answer


async def _go_on(door: Door, who: Principal, pc_id: str, said: Offer) -> str:
    session, line = _line(door, who, pc_id)
    if not said.restart_pc:
        return line.reoffer(said.sdp)
    answer = await line.move(said.sdp)
    if session in door.calls:  # it may have ended meanwhile
        door.calls[session] = replace(door.calls[session], peer=line.peer)
    return answer


def _line(door: Door, who: Principal, pc_id: str) -> tuple[Session, Line]:
    session, _ = door.live_call(pc_id, who)
    if not isinstance(session.caller, Line):
        raise NotFound("there is no such call", code="call_not_found", param="pc_id")
    return session, session.caller


def _admit(door: Door, who: Principal, wanted: Mapping[str, Any]) -> Admitted:
    known = {name: wanted[name] for name in ("model", "session") if wanted.get(name) is not None}
    asked = typed(known, Wanted)
    return admit(door, who, asked.session or SessionPatch(), asked.model)


def _visit(request: web.Request, door: Door, who: Principal) -> Mapping[str, Any]:
    name = request.match_info.get("session_id")
    return {} if name is None else door.visits.wanted(name, who.name)


def _answer(pc_id: str, sdp: str) -> web.Response:
    return web.json_response({"sdp": sdp, "type": "answer", "pc_id": pc_id})


async def _body(request: web.Request) -> dict[str, Any]:
    """Return the JSON object of the body; none at all is an empty one, and its type does not matter."""
    body = await read_bytes(request, request.app[DOOR].config.server.max_body)
    return parse_object(text_of(body)) if body.strip() else {}
