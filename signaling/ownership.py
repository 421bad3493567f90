"""Whose a request is: the worker that has the call, the client secret, the visit or the batch that it is about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from mediaserver.cluster.names import owner
from mediaserver.errors import NotFound, RequestError, Unauthenticated
from mediaserver.gateway.secrets import PREFIX
from signaling.auth import key_of
from signaling.body import read_bytes
from signaling.door import DOOR

TURNS = frozenset(
    {
        "/v1/realtime/client_secrets",
        "/openai/v1/realtime/client_secrets",
        "/v1/realtime/sessions",
        "/v1/realtime/transcription_sessions",
        "/start",
    }
)
"""What any worker can do, and which decides who has the call that follows: it goes round, since one client makes many."""


@dataclass(frozen=True, slots=True)
class Owned:
    """The worker, and what a client is told when that worker is no more: all that it had is gone with it."""

    worker: int
    gone: Callable[[], RequestError]


def no_call() -> NotFound:
    """The call is gone."""
    return NotFound("there is no such call", code="call_not_found", param="call_id")


def no_visit() -> NotFound:
    """What was said at ``/start`` is gone."""
    return NotFound("there is no such session; POST /start makes one", code="session_not_found")


def no_batch() -> NotFound:
    """The batch is not to be had until its worker is there again."""
    return NotFound("there is no such batch; it may have expired", code="batch_not_found", param="batch_id")


def no_secret() -> Unauthenticated:
    """The client secret is gone."""
    return Unauthenticated("the API key is missing or not valid")


async def owned(request: web.Request) -> Owned | None:
    """Return whose the request is, ``None`` for one that any worker can answer.

    A client secret comes first: it is checked and counted where it was made, and reaches no calls but those made there.
    """
    path = request.match_info
    named = (
        (_secret(request), no_secret),
        (path.get("call_id") or request.query.get("call_id"), no_call),
        (path.get("session_id"), no_visit),
        (path.get("batch_id"), no_batch),
    )
    for name, gone in named:
        if name and (worker := owner(name)) is not None:
            return Owned(worker, gone)
    if (name := await _pc_id(request)) and (worker := owner(name)) is not None:
        return Owned(worker, no_call)
    return None


def in_turn(request: web.Request) -> bool:
    """Say whether the request is for whichever worker's turn it is."""
    return request.method == "POST" and request.path in TURNS


def _secret(request: web.Request) -> str:
    try:
        key = key_of(request)
    except Unauthenticated:
        return ""
    return key if key.startswith(PREFIX) else ""


async def _pc_id(request: web.Request) -> str:
    """Return which call an offer of Pipecat's dialect goes on with; only its body says so."""
    if request.path != "/api/offer" or request.method not in ("POST", "PATCH"):
        return ""
    body = await read_bytes(request, request.app[DOOR].config.server.max_body)
    try:
        said: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return ""  # the door says what is wrong with it
    name = said.get("pc_id") if isinstance(said, dict) else None
    return name if isinstance(name, str) else ""
