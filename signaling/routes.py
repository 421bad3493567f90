"""Every URL of the server on one page."""

from __future__ import annotations

from aiohttp import web

from signaling import health, page
from signaling.realtime import calls

ROUTES: tuple[web.RouteDef, ...] = (
    web.get("/", page.index),
    web.get("/static/{path:.+}", page.static),
    web.get("/page.json", page.facts),
    web.post("/csp-report", page.report),
    web.get("/healthz", health.alive),
    web.get("/readyz", health.ready),
    web.post("/v1/realtime/calls", calls.create),
    web.post("/v1/realtime/calls/{call_id}", calls.renegotiate),
    web.post("/v1/realtime/calls/{call_id}/hangup", calls.hang_up),
)
