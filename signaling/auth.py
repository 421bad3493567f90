"""From a request to a Principal: the key, where it comes from, and which page sent it."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from urllib.parse import urlsplit

from aiohttp import web

from mediaserver.errors import BadRequest, Forbidden, Unauthenticated
from mediaserver.gateway.permissions import permit
from mediaserver.gateway.principal import Principal
from mediaserver.gateway.secrets import PREFIX
from signaling.door import DOOR
from signaling.private import address_of

_PROXIED = ("X-Forwarded-For", "Forwarded", "X-Real-IP")

PROTOCOL = "realtime"
"""The one subprotocol that is ever selected: what a browser sends beside it may be a key, and is never said back."""

CALLER = "OpenAI-Safety-Identifier"
"""A stable name for the person who calls, a hash as a rule (OpenAI Realtime guide, "Safety identifiers")."""
MAX_CALLER = 256

_KEY_PROTOCOL = "openai-insecure-api-key."
_BETA_PROTOCOL = "openai-beta.realtime-v1"


def authenticate(request: web.Request, scope: str) -> Principal:
    """Return who calls, with the right to do this. Raises Unauthenticated or Forbidden.

    The key comes as a bearer token, in the header ``api-key`` (Azure's clients) or, from a browser's WebSocket, as a
    subprotocol; a request with two of them is refused as one with none.
    """
    door, key = request.app[DOOR], key_of(request)
    if key.startswith(PREFIX):
        who = door.secrets.authenticate(key)
    else:
        who = replace(door.keys.authenticate(key, loopback=from_here(request)), caller=_caller(request))
    permit(who, scope, origin=request.headers.get("Origin"))
    return who


def _caller(request: web.Request) -> str:
    """Return whom the holder of a key calls for; whoever holds a client secret is whom it was made for."""
    return request.headers.get(CALLER, "").strip()[:MAX_CALLER]


def authenticate_socket(request: web.Request, scope: str) -> Principal:
    """Do the same for a request that is to become a WebSocket, which no browser guards against pages of strangers.

    Subprotocols without ours are refused before aiohttp sees them: it would write them, and a key among them, to its log.
    """
    if not may_connect(request):
        raise Forbidden("this web origin may not call", code="origin_not_allowed")
    offered = subprotocols(request)
    if offered and PROTOCOL not in offered:
        raise BadRequest(f"offer the subprotocol '{PROTOCOL}'", code="invalid_subprotocol")
    if not web.WebSocketResponse(protocols=(PROTOCOL,)).can_prepare(request):
        raise BadRequest("this address is for WebSockets", code="websocket_required")
    return authenticate(request, scope)


def may_connect(request: web.Request) -> bool:
    """Say whether the page that asks, if it is a page, is ours, of this machine, or one that the configuration names."""
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    allowed = request.app[DOOR].config.server.cors_origins
    own = origin in (f"http://{request.host}", f"https://{request.host}")
    return own or origin in allowed or "*" in allowed or local_origin(origin)


def subprotocols(request: web.Request) -> list[str]:
    """Return what a WebSocket client offers; it may hold a key."""
    given = ",".join(request.headers.getall("Sec-WebSocket-Protocol", []))
    return [name.strip() for name in given.split(",") if name.strip()]


def speaks_beta(request: web.Request) -> bool:
    """Say whether a client announces the beta shape of the contract."""
    announced = "realtime=v1" in request.headers.get("OpenAI-Beta", "")
    return announced or _BETA_PROTOCOL in subprotocols(request)


def from_here(request: web.Request) -> bool:
    """Say whether the request was made on this machine, by a page of this machine if by a page.

    The peer's address counts, never a header; a proxy in front makes everyone local, so its traces say no. ``Host`` and
    ``Origin`` must name this machine too: a page of a stranger whose name was pointed at 127.0.0.1 (DNS rebinding) names
    another.
    """
    if any(name in request.headers for name in _PROXIED):
        return False
    origin = request.headers.get("Origin")
    return (
        _is_loopback(address_of(request))
        and _is_loopback(_host_of(f"//{request.host}"))
        and (origin is None or local_origin(origin))
    )


def local_origin(origin: str) -> bool:
    """Say whether a web origin is of this machine."""
    return _is_loopback(_host_of(origin))


def key_of(request: web.Request) -> str:
    """Return the one key that came with a request. Raises Unauthenticated for none and for two."""
    protocols = subprotocols(request) if "Sec-WebSocket-Key" in request.headers else []
    found = [
        *(_bearer(value) for value in request.headers.getall("Authorization", [])),
        *(value.strip() for value in request.headers.getall("api-key", [])),
        *(name.removeprefix(_KEY_PROTOCOL) for name in protocols if name.startswith(_KEY_PROTOCOL)),
    ]
    if len(found) != 1 or not found[0]:
        raise Unauthenticated("send your API key as 'Authorization: Bearer <key>'", code="missing_api_key")
    return found[0]


def _bearer(value: str) -> str:
    scheme, _, key = value.partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    if host in ("localhost", "localhost."):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
