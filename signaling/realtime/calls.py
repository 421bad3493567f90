"""``/v1/realtime/calls``: a call is made from an offer, renegotiated, and hung up (OpenAI Realtime reference, "Calls")."""

from __future__ import annotations

import logging

from aiohttp import web

from mediaserver.clock import new_id
from mediaserver.config import Config
from mediaserver.errors import NotFound, RequestError
from mediaserver.gateway.permissions import permit_model
from mediaserver.settings import Settings, Transcription, TurnDetection
from signaling.auth import authenticate
from signaling.door import DOOR, Call, Way
from signaling.realtime.dialect import RealtimeDialect
from signaling.realtime.effective import Effective
from signaling.realtime.offer import SDP, read_offer, read_sdp
from signaling.realtime.wire import SessionPatch

log = logging.getLogger(__name__)


async def create(request: web.Request) -> web.Response:
    """``POST /v1/realtime/calls``: 201, the answer, and where the call is."""
    door = request.app[DOOR]
    who = authenticate(request, "calls:create")
    house = door.open_house()
    offered = await read_offer(request, door.config.server.max_body)
    model = offered.model or request.query.get("model") or door.config.default_model
    way = house.ways.get(model)
    if way is None:
        raise NotFound("this model does not exist", code="model_not_found", param="model")
    permit_model(who, model)
    effective = merged(Effective(defaults(door.config, model, way)), offered.session)
    call_id = new_id("rtc")
    peer, answer = house.port.accept(offered.sdp, RealtimeDialect(effective, call_id), call_id=call_id)
    try:
        session = house.sessions.start(peer, effective.settings, way.make(model))
    except BaseException:
        await peer.close("server_shutdown")  # nobody else knows of it yet
        raise
    door.calls[session] = Call(peer, who.name)
    log.info("a call was made", extra={"call_id": call_id, "model": model, "principal": who.name})
    return web.Response(
        status=201, body=answer.encode(), content_type=SDP, headers={"Location": f"{request.path}/{call_id}"}
    )


async def renegotiate(request: web.Request) -> web.Response:
    """``POST /v1/realtime/calls/{id}`` with a new offer of the same call (re-offer, ICE restart): 200 and the answer."""
    door = request.app[DOOR]
    call = door.call(request.match_info["call_id"], authenticate(request, "calls:control"))
    offer = await read_sdp(request, door.config.server.max_body)
    if door.house is None:
        raise NotFound("there is no such call", code="call_not_found")
    answer = door.house.port.reoffer(call.peer, offer)
    return web.Response(body=answer.encode(), content_type=SDP)


async def hang_up(request: web.Request) -> web.Response:
    """``POST /v1/realtime/calls/{id}/hangup``: 200 when the call is ending."""
    door = request.app[DOOR]
    call = door.call(request.match_info["call_id"], authenticate(request, "calls:control"))
    if door.house is not None:
        await door.house.sessions.hang_up(call.peer.id, "client_closed")
    return web.Response()


def defaults(config: Config, model: str, way: Way) -> Settings:
    """Return the settings of a session whose client asks for nothing."""
    chosen, turns = config.models[model], config.turns
    detection = TurnDetection(
        kind=turns.detection if turns.detection != "off" else "server_vad",
        threshold=turns.threshold,
        prefix_padding_ms=turns.prefix_padding_ms,
        silence_duration_ms=turns.silence_duration_ms,
        interrupt_response=turns.interrupt_response,
        eagerness=turns.eagerness,
    )
    return Settings(
        model,
        instructions=chosen.instructions,
        voice=chosen.voice or next(iter(way.capabilities.voices), ""),
        transcription=Transcription(),
        turn_detection=None if turns.detection == "off" else detection,
    )


def merged(effective: Effective, session: SessionPatch) -> Effective:
    """Return what is in force when the call begins. Raises BadRequest with the path below ``session``."""
    try:
        return effective.merged(session)
    except RequestError as error:
        error.param = f"session.{error.param}" if error.param else "session"
        raise
