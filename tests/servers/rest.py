"""What simulators of engines behind HTTP share: a server on loopback, and what goes wrong with its answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from aiohttp import web
from aiohttp.test_utils import TestServer

GARBAGE: dict[str, bytes] = {
    "bad_json": b'{"text": "Hel',
    "array": b"[1, 2, 3]",
    "wrong_types": b'{"text": 7, "results": 7}',
    "empty": b"",
    "deep": b'{"text":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "deep_results": b'{"results":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "huge_number": b'{"text": "x", "duration": ' + b"9" * 5_000 + b', "results": ' + b"9" * 5_000 + b"}",
    "bad_utf8": b'{"text": "\xff\xfe", "results": "\xff"}',
    "html": b"<html><body>502 Bad Gateway</body></html>",
}
"""What a broken provider sends with the status 200, by name: nothing of it is an answer of any engine."""
OVERSIZE = 17 * 1024 * 1024


@dataclass
class Faults:
    """What goes wrong; may be changed while the server runs. All off by default."""

    statuses: list[int] = field(default_factory=list)
    """The statuses of the next answers, 200 when they are used up."""
    always: int | None = None
    """The status of every answer."""
    retry_after: str | None = None
    drops: int = 0
    """Close the connections of so many requests without a word."""
    hang: bool = False
    """Take the request and say nothing."""
    hold_after: int | None = None
    """Send so many bytes of the answer and then nothing more."""
    cut_after: int | None = None
    """Send so many bytes of the answer and close the connection."""
    garbage: bytes | None = None
    """Sent in place of the answer."""
    oversize: bool = False
    """The answer does not end."""


class RestServer:
    """One provider: :meth:`answer` is called with every checked request, and lets go wrong what is to."""

    paths: ClassVar[Sequence[str]] = ()

    def __init__(self) -> None:
        self.url = ""
        self.faults = Faults()
        self.requests: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.targets: list[str] = []
        self.tries = 0
        self.billed_s = 0.0
        self.connections: set[Any] = set()
        self.left = asyncio.Event()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request as the provider does."""
        raise NotImplementedError

    def refusal(self, status: int) -> Any:
        """Return the body with which the provider refuses."""
        raise NotImplementedError

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.tries += 1
        self.headers.append(dict(request.headers))
        self.targets.append(str(request.rel_url))
        if self.faults.drops:
            self.faults.drops -= 1
            _close(request)
            await asyncio.sleep(30)
        try:
            return await self.handle(request)
        except (AssertionError, ValueError) as wrong:
            return web.json_response({"error": {"code": "wrong", "message": str(wrong)}}, status=400)
        except (ConnectionError, asyncio.CancelledError):
            self.left.set()
            raise

    async def answer(self, request: web.Request, body: bytes, content_type: str) -> web.StreamResponse:
        """Send the answer, or what is to go wrong with it."""
        faults = self.faults
        status = faults.always or (faults.statuses.pop(0) if faults.statuses else 200)
        if faults.hang:
            await asyncio.sleep(30)
        if status != 200:
            told = {} if faults.retry_after is None else {"Retry-After": faults.retry_after}
            return web.json_response(self.refusal(status), status=status, headers=told)
        response = web.StreamResponse(headers={"Content-Type": content_type})
        await response.prepare(request)
        await self._send(request, response, body if faults.garbage is None else faults.garbage)
        return response

    async def _send(self, request: web.Request, response: web.StreamResponse, body: bytes) -> None:
        faults = self.faults
        upto = faults.cut_after if faults.cut_after is not None else faults.hold_after
        await response.write(body[:upto] or b" ")
        if faults.cut_after is not None:
            _close(request)
        if faults.hold_after is not None:
            await asyncio.sleep(30)
        for _ in range(OVERSIZE // 65536 if faults.oversize else 0):
            await response.write(b" " * 65536)


def _close(request: web.Request) -> None:
    assert request.transport is not None
    request.transport.close()


@asynccontextmanager
async def running(server: Any) -> AsyncIterator[Any]:
    """Run a server on a free port of 127.0.0.1."""

    @web.middleware
    async def counting(request: web.Request, handler: Any) -> Any:
        server.connections.add(request.transport)
        return await handler(request)

    app = web.Application(client_max_size=64 << 20, middlewares=[counting])
    for path in server.paths:
        app.router.add_post(path, server.serve)
    test_server = TestServer(app)
    await test_server.start_server()
    try:
        server.url = str(test_server.make_url("/")).rstrip("/")
        yield server
    finally:
        await test_server.close()


def dumped(body: Any) -> bytes:
    """Return JSON as it goes over the wire."""
    return json.dumps(body).encode()
