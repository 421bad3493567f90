"""The way into every handler of the audio API, and out of it: who asks, and failures as answers with a line in the log."""

from __future__ import annotations

import logging

from aiohttp import web

from mediaserver.errors import Overloaded, RequestError
from mediaserver.gateway.principal import Principal
from signaling.audio.failures import told
from signaling.audio.leaving import Answering, while_here
from signaling.audio.studio import Studio
from signaling.auth import authenticate
from signaling.door import DOOR

log = logging.getLogger(__name__)

USE, MANAGE = "audio:use", "voices:manage"
"""Scopes: have files written down and texts spoken; make and delete voices."""


def enter(request: web.Request, scope: str = USE) -> tuple[Principal, Studio]:
    """Return who asks and what there is to work with. Raises Unauthenticated, Forbidden, Overloaded."""
    who, door = authenticate(request, scope), request.app[DOOR]
    if door.house is None or door.house.studio is None or not door.accepting:
        raise Overloaded("the server does not take requests now; try again in a moment", code="draining")
    return who, door.house.studio


async def answered(request: web.Request, who: Principal, work: Answering) -> web.StreamResponse:
    """Return what ``work`` returns, as long as the client is there. Raises RequestError for whatever engines raise."""
    try:
        with told():
            return await while_here(request, work)
    except RequestError as problem:
        if problem.status >= 500:
            route = request.match_info.route.resource
            place = {"route": "" if route is None else route.canonical, "principal": who.name}
            log.warning("the audio API failed", extra=place | {"code": problem.code, "detail": problem.message})
        raise
