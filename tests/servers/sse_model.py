"""What the simulators of language models share: a script of events over HTTP, faults, and a note of who goes away."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from aiohttp import web
from aiohttp.test_utils import TestServer


@dataclass
class ModelServer:
    """What it will say, and what it has seen. Subclasses check requests and write events and errors as their API does."""

    base: ClassVar[str] = ""
    """The path that clients are told, without a host."""
    routes: ClassVar[tuple[str, ...]] = ()

    base_url: str = ""
    events: Sequence[str] = ()
    status: int = 200
    statuses: list[int] = field(default_factory=list)
    """Those of the first requests, before ``status``."""
    error: dict[str, Any] | str | None = None
    retry_after: str | None = None
    first_s: float = 0.0
    """So long before the first event."""
    hold: bool = False
    """Say nothing more after the events, and do not end."""
    reset: bool = False
    """Reset the connection after the events."""
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    peers: list[tuple[str, int]] = field(default_factory=list)
    """The client's address of each request: the same one for a connection that was used again."""
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    def say(cls, *pieces: str) -> list[str]:
        """Return the events of a plain answer."""
        raise NotImplementedError

    @classmethod
    def begin(cls, piece: str) -> list[str]:
        """Return the events of an answer that has begun and does not end."""
        raise NotImplementedError

    def checked(self, body: Any, request: web.Request) -> dict[str, Any]:
        """Return the request's body; raises for one that the official types do not know."""
        raise NotImplementedError

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.headers.append(dict(request.headers))
        self.paths.append(request.path_qs)
        self.peers.append(request.transport.get_extra_info("peername") if request.transport else ("", 0))
        self.requests.append(self.checked(await request.json(), request))
        status = self.statuses.pop(0) if self.statuses else self.status
        if status != 200:
            return self._refusal(status)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        self.asked.set()
        try:
            await asyncio.sleep(self.first_s)
            for event in self.events:
                await response.write(event.encode())
            if self.reset:
                await self._reset(request)
            if self.hold:
                await asyncio.sleep(30)
        except (ConnectionError, asyncio.CancelledError):
            self.left.set()
            raise
        return response

    def _refusal(self, status: int) -> web.Response:
        body = self.error if isinstance(self.error, str) else json.dumps({"error": self.error})
        headers = {} if self.retry_after is None else {"Retry-After": self.retry_after}
        return web.Response(status=status, text=body, content_type="application/json", headers=headers)

    async def _reset(self, request: web.Request) -> None:
        assert request.transport is not None
        await asyncio.sleep(0.05)  # what was written arrives before the reset
        raw = request.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()


Server = TypeVar("Server", bound=ModelServer)


@asynccontextmanager
async def model_server(
    kind: type[Server], change: Callable[[Server], None] = lambda server: None
) -> AsyncIterator[Server]:
    """Run a simulator on a free port of 127.0.0.1."""
    server = kind()
    change(server)
    app = web.Application()
    for route in kind.routes:
        app.router.add_post(route, server.handle)
    test_server = TestServer(app)
    await test_server.start_server()
    try:
        server.base_url = str(test_server.make_url(kind.base)).rstrip("/")
        yield server
    finally:
        await test_server.close()
