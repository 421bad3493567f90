"""``POST /v1/realtime/client_secrets``: a key for a browser, with the session that it is for (Realtime reference).

Beside the contract's ``expires_after`` and ``session``, ``restrict`` holds whoever has the secret to limits of ours, on
every door and in every ``session.update``: ``max_duration_s`` of a call, ``models``, ``voices`` (the first is the default),
``tools`` by name, web ``origins``, and ``max_uses``, the calls that it may open. What is not named stays as its parent may;
limits on cost will be named here once calls are metered. ``/v1/realtime/sessions`` and ``/transcription_sessions`` are the
beta names of the same; they answer in the beta shape.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web
from msgspec import UNSET, Meta, Struct

from mediaserver.clock import new_id
from mediaserver.gateway.principal import Principal
from mediaserver.gateway.secrets import DEFAULT_S, MAX_S, MIN_S, Minted, Restriction, narrowed
from signaling.auth import authenticate
from signaling.body import read_json
from signaling.door import DOOR, Door
from signaling.realtime.beta import flat, translate_session
from signaling.realtime.effective import Effective
from signaling.realtime.offer import read_session
from signaling.realtime.opening import admit
from signaling.realtime.parse import typed
from signaling.realtime.wire import SessionPatch

BETA_S = 60
"""Seconds for which a secret of the beta endpoints holds."""

Names = Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=256)], ...], Meta(min_length=1, max_length=128)]


class ExpiresAfter(Struct, frozen=True, forbid_unknown_fields=True):
    """How long the secret can open calls; calls that run survive it."""

    anchor: Literal["created_at"] = "created_at"
    seconds: Annotated[int, Meta(ge=MIN_S, le=MAX_S)] = DEFAULT_S


class Restrict(Struct, frozen=True, forbid_unknown_fields=True):
    """See the top of this module."""

    max_duration_s: Annotated[float, Meta(gt=0, le=604_800)] | None = None
    models: Names | None = None
    voices: Names | None = None
    tools: Annotated[tuple[str, ...], Meta(max_length=128)] | None = None
    origins: Names | None = None
    max_uses: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None


class Asked(Struct, frozen=True, forbid_unknown_fields=True):
    """The body; ``session`` is read by itself, so that its errors name their path."""

    expires_after: ExpiresAfter | None = None
    session: dict[str, Any] | None = None
    restrict: Restrict | None = None


async def create(request: web.Request) -> web.Response:
    """Return a new client secret: 200 ``{value, expires_at, session}``."""
    door, who = request.app[DOOR], authenticate(request, "calls:create")
    asked = typed(await read_json(request, door.config.server.max_body), Asked)
    seconds = (asked.expires_after or ExpiresAfter()).seconds
    minted, effective = _mint(door, who, read_session(asked.session), asked.restrict or Restrict(), seconds)
    session = effective.written(new_id("sess"), None)
    return web.json_response({"value": minted.value, "expires_at": minted.expires_at, "session": session})


async def create_session(request: web.Request) -> web.Response:
    """``POST /v1/realtime/sessions`` (beta): a session with its ``client_secret``."""
    return await _beta(request, "realtime")


async def create_transcription_session(request: web.Request) -> web.Response:
    """``POST /v1/realtime/transcription_sessions`` (beta): the same for one that only writes down."""
    return await _beta(request, "transcription")


async def _beta(request: web.Request, kind: Literal["realtime", "transcription"]) -> web.Response:
    door, who = request.app[DOOR], authenticate(request, "calls:create")
    said = await read_json(request, door.config.server.max_body)
    seconds = _beta_seconds(said)
    session = typed(translate_session(said, kind), SessionPatch)
    minted, effective = _mint(door, who, session, Restrict(), seconds)
    written = flat(effective.written(new_id("sess"), None), effective.settings.temperature)
    return web.json_response(written | {"client_secret": {"value": minted.value, "expires_at": minted.expires_at}})


def _beta_seconds(said: dict[str, Any]) -> int:
    """The beta body had ``client_secret.expires_after`` instead of our own."""
    secret = said.get("client_secret")
    expires = secret.get("expires_after") if isinstance(secret, dict) else None
    return BETA_S if expires is None else typed(expires, ExpiresAfter, "client_secret.expires_after").seconds


def _mint(
    door: Door, who: Principal, session: SessionPatch, restrict: Restrict, seconds: int
) -> tuple[Minted, Effective]:
    """Make a secret whose holder could open this session at once. Raises what opening it would raise."""
    if session.model in (UNSET, None) and restrict.models:
        session = msgspec.structs.replace(session, model=restrict.models[0])
    restriction = Restriction(**msgspec.structs.asdict(restrict))
    effective = admit(door, narrowed(who, restriction, session), SessionPatch()).effective
    return door.secrets.mint(who, restriction, seconds=seconds, session=session), effective
