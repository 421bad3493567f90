"""``GET /v1/realtime``: a call over a WebSocket, or a second controller on a call (OpenAI Realtime reference, "WebSocket").

``?model=`` opens a conversation, ``?intent=transcription`` one that only writes down, ``?call_id=`` joins a live call
(:mod:`signaling.realtime.sideband`). A client that offers the subprotocol ``mediaserver-events`` beside ``realtime`` is told
what :mod:`signaling.realtime.extension` knows too. Azure's clients reach the same door at ``/openai/v1/realtime`` and, in
the beta shape, at ``/openai/realtime?api-version=&deployment=``.
"""

from __future__ import annotations

from aiohttp import web

from mediaserver.errors import BadRequest
from signaling.auth import PROTOCOL, authenticate_socket, speaks_beta, subprotocols
from signaling.door import DOOR
from signaling.realtime import extension
from signaling.realtime.codec import RealtimeCodec
from signaling.realtime.opening import admit, serve_on_socket
from signaling.realtime.reader import MAX_APPEND
from signaling.realtime.sideband import join
from signaling.realtime.socket_caller import SocketCaller
from signaling.realtime.wire import SessionPatch
from signaling.socket import open_socket

MAX_MESSAGE = MAX_APPEND + 1024
AZURE_PREVIEW = "/openai/realtime"


async def connect(request: web.Request) -> web.StreamResponse:
    """Let a client in and serve its WebSocket until the call is over; whoever may not is refused before the upgrade."""
    if "call_id" in request.query:
        return await join(request)
    door = request.app[DOOR]
    who = authenticate_socket(request, "calls:create")
    admitted = admit(door, who, _session(request), request.query.get("model") or request.query.get("deployment"))
    wire, socket = await open_socket(request, (PROTOCOL,), MAX_MESSAGE)
    terms = admitted.terms(sound=True, beta=request.path == AZURE_PREVIEW or speaks_beta(request))
    codec = RealtimeCodec(admitted.effective, terms, track=False)
    extended = extension.LABEL in subprotocols(request)
    caller = SocketCaller(door.names.new("rtc"), socket, codec, extended=extended)
    await serve_on_socket(door, admitted, caller, socket, lambda: codec.effective)
    return wire


def _session(request: web.Request) -> SessionPatch:
    intent = request.query.get("intent", "conversation")
    if intent not in ("conversation", "transcription"):
        raise BadRequest("the intent is 'transcription' or nothing", code="invalid_value", param="intent")
    return SessionPatch(type="transcription") if intent == "transcription" else SessionPatch()
