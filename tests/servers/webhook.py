"""A web server that executes functions, and misbehaves on demand: by its path it answers, is slow, fails, moves, babbles.

It checks signatures by itself, from the text of the Standard Webhooks specification and with other means than ours.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC

SECRET = "whsec_" + base64.b64encode(bytes(range(7, 39))).decode()


@dataclass
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class WebhookServer:
    """Where it is, and what came."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    ended: int = 0


def verified(headers: dict[str, str], body: bytes) -> bool:
    """Say whether a request is signed with SECRET."""
    version, _, signature = headers["webhook-signature"].partition(",")
    mac = HMAC(base64.b64decode(SECRET.split("_", 1)[1]), hashes.SHA256())
    mac.update(b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body]))
    try:
        mac.verify(base64.b64decode(signature))
    except InvalidSignature:
        return False
    return version == "v1"


@asynccontextmanager
async def webhook_server() -> AsyncIterator[WebhookServer]:
    """Run it on a free port while the context is open."""
    server = WebhookServer()

    async def take(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        if "webhook-signature" in headers and not verified(headers, body):
            return web.Response(status=401)
        server.received.append(Received(request.path, headers, json.loads(body)))
        return await ANSWERS[request.path](server, request)

    app = web.Application()
    app.router.add_post("/{path:.*}", take)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        server.url = f"http://{host}:{port}"
        yield server
    finally:
        await runner.cleanup()


async def _json(server: WebhookServer, request: web.Request) -> web.Response:
    return web.json_response({"weather": "süß"})


async def _text(server: WebhookServer, request: web.Request) -> web.Response:
    return web.Response(text="it is sunny")


async def _quoted(server: WebhookServer, request: web.Request) -> web.Response:
    return web.json_response("it is sunny")


async def _empty(server: WebhookServer, request: web.Request) -> web.Response:
    return web.Response(status=204)


async def _slow(server: WebhookServer, request: web.Request) -> web.Response:
    try:
        await asyncio.sleep(60)
    finally:
        server.ended += 1
    return web.Response()


async def _failing(server: WebhookServer, request: web.Request) -> web.Response:
    return web.Response(status=500, text="Traceback: secret thing")


async def _moved(server: WebhookServer, request: web.Request) -> web.Response:
    return web.Response(status=307, headers={"location": "/json"})


async def _huge(server: WebhookServer, request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    try:
        for _ in range(10_000):
            await answer.write(b"x" * 10_000)
    except ConnectionError:
        server.ended += 1
    return answer


async def _zipped(server: WebhookServer, request: web.Request) -> web.Response:
    return web.Response(body=b"\x1f\x8b\x00", headers={"content-encoding": "gzip"})


async def _dropping(server: WebhookServer, request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


ANSWERS = {
    "/json": _json,
    "/text": _text,
    "/quoted": _quoted,
    "/empty": _empty,
    "/slow": _slow,
    "/failing": _failing,
    "/moved": _moved,
    "/huge": _huge,
    "/zipped": _zipped,
    "/dropping": _dropping,
}
