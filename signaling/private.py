"""The workers' private socket: how a request that came over it is told from one of a stranger's, and who really sent it."""

from __future__ import annotations

import socket

from aiohttp import web

CLIENT = "X-Mediaserver-Client"
"""The client's address, written by the worker that passes a request on; believed on the private socket only."""


def is_private(request: web.Request) -> bool:
    """Say whether another worker of this server passed the request on: only they reach a Unix-domain socket of ours."""
    ours = request.transport.get_extra_info("socket") if request.transport is not None else None
    return ours is not None and ours.family == getattr(socket, "AF_UNIX", None)


def address_of(request: web.Request) -> str:
    """Return the address that the request came from, empty when that is not known. Never from a header of a stranger."""
    if is_private(request):
        return request.headers.get(CLIENT, "")
    address = request.transport.get_extra_info("peername") if request.transport is not None else None
    return str(address[0]) if isinstance(address, tuple) else ""
