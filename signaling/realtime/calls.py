"""``/v1/realtime/calls``: a call is made from an offer, renegotiated, and hung up (OpenAI Realtime reference, "Calls")."""

from __future__ import annotations

from aiohttp import web

from mediaserver.errors import BadRequest, NotFound
from signaling.auth import authenticate, speaks_beta
from signaling.door import DOOR
from signaling.realtime.dialect import RealtimeDialect
from signaling.realtime.offer import SDP, read_offer, read_sdp
from signaling.realtime.opening import admit, begin_on_media


async def create(request: web.Request) -> web.Response:
    """``POST /v1/realtime/calls``: 201, the answer, and where the call is."""
    door = request.app[DOOR]
    who = authenticate(request, "calls:create")
    house, beta = door.open_house(), speaks_beta(request)
    offered = await read_offer(request, door.config.server.max_body, beta=beta)
    admitted = admit(door, who, offered.session, request.query.get("model"))
    call_id = door.names.new("rtc")
    terms = admitted.terms(beta=beta)
    dialect = RealtimeDialect(admitted.effective, call_id, terms=terms, channels=offered.has_channels)
    peer, answer = house.port.accept(offered.sdp, dialect, call_id=call_id)
    await begin_on_media(door, admitted, peer, peer, dialect.effective)
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
    if call.peer is None:
        raise BadRequest("this call has no media to negotiate", code="unsupported_call_type")
    answer = door.house.port.reoffer(call.peer, offer)
    return web.Response(body=answer.encode(), content_type=SDP)


async def hang_up(request: web.Request) -> web.Response:
    """``POST /v1/realtime/calls/{id}/hangup``: 200 when the call is ending."""
    door = request.app[DOOR]
    call_id = request.match_info["call_id"]
    door.call(call_id, authenticate(request, "calls:control"))
    if door.house is not None:
        await door.house.sessions.hang_up(call_id, "client_closed")
    return web.Response()
