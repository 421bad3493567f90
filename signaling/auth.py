"""From a request to a Principal: the bearer key, where it comes from, and which page sent it."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from aiohttp import web

from mediaserver.errors import Unauthenticated
from mediaserver.gateway.keys import Principal
from mediaserver.gateway.permissions import permit
from signaling.door import DOOR

_PROXIED = ("X-Forwarded-For", "Forwarded", "X-Real-IP")


def authenticate(request: web.Request, scope: str) -> Principal:
    """Return who calls, with the right to do this. Raises Unauthenticated or Forbidden."""
    key = _bearer(request)
    who = request.app[DOOR].keys.authenticate(key, loopback=from_here(request))
    permit(who, scope, origin=request.headers.get("Origin"))
    return who


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
        _is_loopback(_peer(request))
        and _is_loopback(_host_of(f"//{request.host}"))
        and (origin is None or local_origin(origin))
    )


def local_origin(origin: str) -> bool:
    """Say whether a web origin is of this machine."""
    return _is_loopback(_host_of(origin))


def _bearer(request: web.Request) -> str:
    given = request.headers.getall("Authorization", [])
    scheme, _, key = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or not key:
        raise Unauthenticated("send your API key as 'Authorization: Bearer <key>'", code="missing_api_key")
    return key.strip()


def _peer(request: web.Request) -> str:
    address = request.transport.get_extra_info("peername") if request.transport is not None else None
    return str(address[0]) if isinstance(address, tuple) else ""


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
