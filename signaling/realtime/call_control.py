"""What is asked about a running call over HTTP: how it is, and what only a telephone call can do.

``accept``, ``reject`` and ``refer`` are for calls that come in over SIP (OpenAI Realtime reference, "Calls"); on a call of
another kind they are refused with ``unsupported_call_type``, after the body was read as strictly as if it counted.
"""

from __future__ import annotations

from typing import Annotated, Any, NoReturn

from aiohttp import web
from msgspec import UNSET, Meta, Struct

from mediaserver.conversation.session import Session
from mediaserver.errors import BadRequest, NotFound
from signaling.auth import authenticate
from signaling.body import read_json
from signaling.door import DOOR, Call, Door
from signaling.realtime.offer import read_session
from signaling.realtime.parse import typed


class Reject(Struct, frozen=True, forbid_unknown_fields=True):
    """The SIP status with which the call is declined."""

    status_code: Annotated[int, Meta(ge=300, le=699)] = 603


class Refer(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the call goes from here."""

    target_uri: Annotated[str, Meta(max_length=2048, pattern="^(tel|sips?):.+$")]


async def look(request: web.Request) -> web.Response:
    """``GET /v1/realtime/calls/{id}``: where the call is and what became of it so far; for a while also when it is over."""
    door, who = request.app[DOOR], authenticate(request, "calls:control")
    call_id = request.match_info["call_id"]
    try:
        session, call = door.live_call(call_id, who)
    except NotFound:
        return web.json_response(door.ended_call(call_id, who))
    return web.json_response(told_of(session, call))


def told_of(session: Session, call: Call) -> dict[str, Any]:
    """Return what is told of a call: no sound and no words."""
    return {
        "id": session.caller.id,
        "object": "realtime.call",
        "state": session.state,
        "age_s": round(session.age_s, 3),
        "session": call.in_force(session).written(session.id, None),
        "record": session.record.entries(),
        "usage": session.record.usage(),
    }


def keep(door: Door, session: Session) -> None:
    """A call has ended: keep what is told of it, and nothing else."""
    call = door.calls.pop(session, None)
    if call is not None:
        door.ended.keep(session.caller.id, call.owner, call.secret, told_of(session, call) | {"state": "ended"})


async def accept(request: web.Request) -> web.Response:
    """``POST …/accept`` with a session."""
    said = await _body(request)
    if read_session(said or None).type is UNSET:
        raise BadRequest("missing required parameter: type", code="missing_required_parameter", param="type")
    _no_telephone()


async def reject(request: web.Request) -> web.Response:
    """``POST …/reject`` with a SIP status, 603 unless named."""
    typed(await _body(request), Reject)
    _no_telephone()


async def refer(request: web.Request) -> web.Response:
    """``POST …/refer`` with the address of whoever goes on with the call."""
    typed(await _body(request), Refer)
    _no_telephone()


async def _body(request: web.Request) -> dict[str, object]:
    door = request.app[DOOR]
    door.call(request.match_info["call_id"], authenticate(request, "calls:control"))
    return await read_json(request, door.config.server.max_body)


def _no_telephone() -> NoReturn:
    raise BadRequest("this is no call over SIP", code="unsupported_call_type", param="call_id")
