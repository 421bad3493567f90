"""Two questions that machines ask: is the process alive, and does it accept calls."""

from __future__ import annotations

from aiohttp import web

from signaling.door import DOOR


async def alive(request: web.Request) -> web.Response:
    """``GET /healthz``: 200 as long as the loop turns."""
    return web.json_response({"status": "ok"})


async def ready(request: web.Request) -> web.Response:
    """``GET /readyz``: 200 once calls are accepted, 503 before that and while the server stops."""
    if request.app[DOOR].accepting:
        return web.json_response({"status": "ready"})
    return web.json_response({"status": "not accepting calls"}, status=503, headers={"Retry-After": "1"})
