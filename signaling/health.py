"""Two questions that machines ask: is the process alive, and does it accept calls."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from signaling.door import DOOR


async def alive(request: web.Request) -> web.Response:
    """``GET /healthz``: 200 as long as the loop turns."""
    return _said(request, "ok")


async def ready(request: web.Request) -> web.Response:
    """``GET /readyz``: 200 once calls are accepted, 503 before that and while the server stops."""
    if request.app[DOOR].accepting:
        return _said(request, "ready")
    return _said(request, "not accepting calls", status=503, headers={"Retry-After": "1"})


def _said(request: web.Request, said: str, **how: Any) -> web.Response:
    """A worker answers for itself, and says which it is."""
    number = request.app[DOOR].names.worker
    return web.json_response({"status": said} | ({} if number is None else {"worker": number}), **how)
