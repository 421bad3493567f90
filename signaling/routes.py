"""Every URL of the server on one page."""

from __future__ import annotations

from aiohttp import web

from signaling import health, metrics, page, pcm, smallwebrtc, whip
from signaling.audio import linked
from signaling.realtime import call_control, calls, client_secrets, socket

ROUTES: tuple[web.RouteDef, ...] = (
    web.get("/", page.index),
    web.get("/static/{path:.+}", page.static),
    web.get("/page.json", page.facts),
    web.post("/csp-report", page.report),
    web.get("/healthz", health.alive),
    web.get("/readyz", health.ready),
    web.get("/metrics", metrics.show),
    web.get("/v1/realtime", socket.connect),
    web.get("/v1/realtime/pcm", pcm.connect),
    web.get("/openai/v1/realtime", socket.connect),
    web.get(socket.AZURE_PREVIEW, socket.connect),
    web.post("/v1/realtime/client_secrets", client_secrets.create),
    web.post("/openai/v1/realtime/client_secrets", client_secrets.create),
    web.post("/v1/realtime/sessions", client_secrets.create_session),
    web.post("/v1/realtime/transcription_sessions", client_secrets.create_transcription_session),
    web.post("/v1/realtime/calls", calls.create),
    web.post("/v1/realtime/calls/{call_id}", calls.renegotiate),
    web.get("/v1/realtime/calls/{call_id}", call_control.look),
    web.post("/v1/realtime/calls/{call_id}/hangup", calls.hang_up),
    web.post("/v1/realtime/calls/{call_id}/accept", call_control.accept),
    web.post("/v1/realtime/calls/{call_id}/reject", call_control.reject),
    web.post("/v1/realtime/calls/{call_id}/refer", call_control.refer),
    web.get(linked.ROUTE, linked.fetch),
    web.post("/start", smallwebrtc.start),
    web.get("/status", smallwebrtc.status),
    web.post("/api/offer", smallwebrtc.offer),
    web.patch("/api/offer", smallwebrtc.trickle),
    web.post("/sessions/{session_id}/api/offer", smallwebrtc.offer),
    web.patch("/sessions/{session_id}/api/offer", smallwebrtc.trickle),
    web.options("/whip", whip.options),
    web.post("/whip", whip.publish),
    web.options("/whip/{call_id}", whip.options),
    web.get("/whip/{call_id}", whip.look),
    web.patch("/whip/{call_id}", whip.change),
    web.delete("/whip/{call_id}", whip.unpublish),
)
