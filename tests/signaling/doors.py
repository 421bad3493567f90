"""A door without a house: the real routes and middleware over a media port and sessions that only remember."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from mediaserver.bridge import Capabilities
from mediaserver.config import Config
from mediaserver.conversation.limits import Limits
from mediaserver.errors import NotFound, RequestError
from mediaserver.gateway.keys import KeyRing
from signaling.door import DOOR, Door, House, Way
from signaling.middleware import add_headers, errors, preflight
from signaling.routes import ROUTES

OFFER = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
ANSWER = "v=0\r\ns=answer\r\n"
KEY = {"Authorization": "Bearer sk-local"}
SDP = {"Content-Type": "application/sdp"}


@dataclass(eq=False)
class Peer:
    id: str
    dialect: Any
    closed: bool = False

    @property
    def over(self) -> bool:
        return self.closed

    async def close(self, reason: str) -> None:
        self.closed = True


@dataclass
class Port:
    """Takes every offer, unless told what to raise."""

    fails: RequestError | None = None
    peers: list[Peer] = field(default_factory=list)
    offers: list[str] = field(default_factory=list)

    def accept(self, offer: str, dialect: Any, *, call_id: str, terms: Any = None) -> tuple[Peer, str]:
        self.offers.append(offer)
        if self.fails is not None:
            raise self.fails
        self.peers.append(Peer(call_id, dialect))
        return self.peers[-1], ANSWER

    def reoffer(self, peer: Peer, offer: str) -> str:
        self.offers.append(offer)
        return f"{ANSWER}again"


@dataclass(eq=False)
class Session:
    caller: Peer
    settings: Any
    bridge: Any
    limits: Limits


@dataclass
class Sessions:
    """Runs nothing; ``full`` refuses."""

    full: RequestError | None = None
    fails: RequestError | None = None
    running: dict[str, Session] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)

    def check(self) -> None:
        if self.full is not None:
            raise self.full

    def start(self, caller: Peer, settings: Any, route: Any, limits: Limits, _support: Any = None) -> Session:
        if self.fails is not None:
            raise self.fails
        self.running[caller.id] = Session(caller, settings, route[0], limits)
        return self.running[caller.id]

    def get(self, call_id: str) -> Session:
        if call_id not in self.running:
            raise NotFound("gone")
        return self.running[call_id]

    async def hang_up(self, call_id: str, reason: str) -> None:
        del self.running[call_id]


@dataclass
class Fixture:
    """A client of the door, and what stands behind it."""

    client: TestClient[web.Request, web.Application]
    door: Door
    port: Port
    sessions: Sessions

    async def call(self, **changes: Any) -> Any:
        """Post an offer as a stock client does, with these changes to the request."""
        request = {"headers": KEY | SDP, "data": OFFER} | changes
        return await self.client.post(request.pop("path", "/v1/realtime/calls"), **request)


@asynccontextmanager
async def door(
    config: Config | None = None, pages: Path = Path("web"), *, ready: bool = True
) -> AsyncIterator[Fixture]:
    """Serve the real routes on a free port."""
    config = config or Config()
    app = web.Application(middlewares=[errors, preflight], client_max_size=config.server.max_body)
    app[DOOR] = state = Door(config, KeyRing(config.keys, development=config.development_key.enabled), pages)
    app.add_routes(ROUTES)
    app.on_response_prepare.append(add_headers)
    port, sessions = Port(), Sessions()
    if ready:
        ways = {name: Way((name,), Capabilities(voices=("en", "de"))) for name in config.models}  # type: ignore[arg-type]
        state.house, state.accepting = House(port, sessions, ways), True  # type: ignore[arg-type]
    async with TestClient(TestServer(app)) as client:
        yield Fixture(client, state, port, sessions)
