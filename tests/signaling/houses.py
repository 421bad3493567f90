"""The whole application in this process on free ports, and a stock aiortc client that calls it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from aiortc import RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamTrack

from mediaserver.config import Config, Media
from signaling.app import build
from tests.signaling.doors import KEY, SDP

LIMIT_S = 20.0
House = TestClient[web.Request, web.Application]


@asynccontextmanager
async def house(config: Config | None = None) -> AsyncIterator[House]:
    """Run everything that ``mediaserver serve`` runs, media port included."""
    app = build(config or Config(media=Media(port=0, addresses=("127.0.0.1",))))
    async with TestClient(TestServer(app)) as client:
        yield client


@dataclass
class Phone:
    """One call of a stock client: its peer connection, its channel and every event that came."""

    peer: RTCPeerConnection
    channel: RTCDataChannel
    place: str
    events: list[dict[str, Any]] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, text: str) -> None:
        self.events.append(json.loads(text))
        self.came.set()

    def say(self, **event: Any) -> None:
        self.channel.send(json.dumps(event))

    async def until(self, kind: str, count: int = 1) -> dict[str, Any]:
        """Return the ``count``-th event of this type as soon as it has come."""
        async with asyncio.timeout(LIMIT_S):
            while len(found := [event for event in self.events if event["type"] == kind]) < count:
                self.came.clear()
                await self.came.wait()
        return found[count - 1]


@asynccontextmanager
async def phone(client: House, query: str = "", track: MediaStreamTrack | None = None) -> AsyncIterator[Phone]:
    """Call with plain aiortc and its defaults; ends the transport when the block is left."""
    peer = RTCPeerConnection()
    channel = peer.createDataChannel("oai-events")
    peer.addTrack(track or AudioStreamTrack())
    call = Phone(peer, channel, "")
    channel.on("message", call.take)
    try:
        await peer.setLocalDescription(await peer.createOffer())
        answer = await client.post(f"/v1/realtime/calls{query}", headers=KEY | SDP, data=peer.localDescription.sdp)
        assert answer.status == 201, await answer.text()
        call.place = answer.headers["Location"]
        await peer.setRemoteDescription(RTCSessionDescription(await answer.text(), "answer"))
        await call.until("session.created")
        yield call
    finally:
        await peer.close()
