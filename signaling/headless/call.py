"""One call over real WebRTC, with stock aiortc as the client: offer, answer, sound both ways, two data channels, hang-up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiortc import MediaStreamTrack, RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame

CALLS_PATH = "/v1/realtime/calls"
EVENTS = "oai-events"
EXTENSION = "mediaserver-events"
CONNECT_S = 15.0
HANG_UP_S = 5.0


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to call, and with what."""

    url: str
    model: str = "local"
    key: str = "sk-local"
    insecure: bool = False


class CallFailed(Exception):
    """The call could not be made; the message is for a person."""


def calls_url(url: str) -> str:
    """Return where the offer is posted, from the server's address with or without ``/v1`` or the whole path.

    Raises CallFailed for what is no http(s) address.
    """
    if "://" not in url:
        url = f"http://{url}"
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CallFailed(f"{url} is no address of a server; something like http://localhost:8080 is")
    base = f"{parts.scheme}://{parts.netloc}"
    path = parts.path.rstrip("/")
    return base + (path if path.endswith("/calls") else path.removesuffix("/realtime").removesuffix("/v1") + CALLS_PATH)


class Call:
    """A call that is up. ``id`` as the server names it; :meth:`send` writes to the events channel."""

    def __init__(self, peer: RTCPeerConnection, channel: RTCDataChannel) -> None:
        self._peer = peer
        self._channel = channel
        self.id = ""

    def send(self, event: dict[str, Any]) -> None:
        """Send one event of the contract."""
        self._channel.send(json.dumps(event))

    async def stats(self) -> dict[str, Any]:
        """Return what aiortc counted: packets each way, lost ones, jitter, round trip."""
        wanted = ("packetsReceived", "packetsSent", "packetsLost", "jitter", "roundTripTime")
        report = await self._peer.getStats()
        found: dict[str, Any] = {}
        for entry in report.values():
            prefix = str(entry.type).replace("-rtp", "").replace("-", "_")
            found |= {
                f"{prefix}.{name}": getattr(entry, name) for name in wanted if getattr(entry, name, None) is not None
            }
        return found


@asynccontextmanager
async def open_call(
    target: Target,
    microphone: MediaStreamTrack,
    *,
    hear: Callable[[AudioFrame], None],
    receive: Callable[[str, dict[str, Any]], None],
    state: Callable[[str], None],
) -> AsyncIterator[Call]:
    """Make a call and keep it for the length of the context, then hang up.

    ``hear`` takes each decoded frame, ``receive`` each event with its channel's label, ``state`` each connection state;
    all are plain calls. Raises CallFailed when the server refuses or media does not connect in :data:`CONNECT_S`.
    """
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connected = asyncio.Event()
    tracks: asyncio.Queue[MediaStreamTrack] = asyncio.Queue(maxsize=4)

    def state_changed() -> None:
        state(peer.connectionState)
        if peer.connectionState in ("connected", "failed", "closed"):
            connected.set()

    def track_came(track: MediaStreamTrack) -> None:
        with suppress(asyncio.QueueFull):  # a server that offers more tracks than this is not listened to
            tracks.put_nowait(track)

    peer.on("connectionstatechange", state_changed)
    peer.on("track", track_came)
    peer.addTrack(microphone)
    call = Call(peer, _channel(peer, EVENTS, receive))
    _channel(peer, EXTENSION, receive)
    try:
        async with _http(target.insecure) as http, asyncio.TaskGroup() as tasks:
            location = await _exchange(http, calls_url(target.url), peer, target.model, target.key)
            call.id = location.rstrip("/").rpartition("/")[2]
            listening = tasks.create_task(_listen(tracks, hear), name="headless ear")
            try:
                await _up(peer, connected)
                yield call
            finally:
                await _hang_up(http, location, target.key)
                listening.cancel()
    finally:
        await peer.close()


def _channel(peer: RTCPeerConnection, label: str, receive: Callable[[str, dict[str, Any]], None]) -> RTCDataChannel:
    channel = peer.createDataChannel(label)

    def message(text: str | bytes) -> None:
        event = json.loads(text)
        receive(label, event if isinstance(event, dict) else {})

    channel.on("message", message)
    return channel


def _http(insecure: bool) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(ssl=not insecure)
    return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=15))


async def _exchange(http: aiohttp.ClientSession, url: str, peer: RTCPeerConnection, model: str, key: str) -> str:
    """Post the offer, apply the answer, and return the call's own address."""
    await peer.setLocalDescription(await peer.createOffer())
    headers = {"Content-Type": "application/sdp", "Authorization": f"Bearer {key}"}
    try:
        async with http.post(url, params={"model": model}, data=peer.localDescription.sdp, headers=headers) as response:
            body = await response.text()
            if response.status != 201:
                raise CallFailed(f"{url} answered {response.status}: {_reason(body)}")
            location = urljoin(url, response.headers.get("Location", ""))
    except aiohttp.ClientConnectorCertificateError as problem:
        raise CallFailed(f"the certificate of {url} is not trusted; --insecure accepts it for this call") from problem
    except (aiohttp.ClientError, TimeoutError) as problem:
        raise CallFailed(
            f"{url} cannot be reached: {problem or 'no answer in time'}. Is the server running?"
        ) from problem
    try:
        await peer.setRemoteDescription(RTCSessionDescription(body, "answer"))
    except Exception as problem:  # aiortc raises anything from KeyError to AssertionError on an SDP it dislikes
        raise CallFailed(f"the server's SDP answer cannot be used: {problem!r}") from problem
    return location


def _reason(body: str) -> str:
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return body.strip()[:200] or "no reason given"


async def _up(peer: RTCPeerConnection, connected: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(CONNECT_S):
            await connected.wait()
    except TimeoutError:
        pass
    if peer.connectionState != "connected":
        raise CallFailed(
            f"the server answered, but media did not connect ({peer.iceConnectionState}): is its UDP port open "
            "between here and there, and does it advertise an address that can be reached? `mediaserver doctor` says more"
        )


async def _listen(tracks: asyncio.Queue[MediaStreamTrack], hear: Callable[[AudioFrame], None]) -> None:
    track = await tracks.get()
    with suppress(MediaStreamError):  # the end of the track
        while True:
            frame = await track.recv()
            if isinstance(frame, AudioFrame):
                hear(frame)


async def _hang_up(http: aiohttp.ClientSession, location: str, key: str) -> None:
    with suppress(aiohttp.ClientError, TimeoutError):  # the call may have ended by itself
        async with asyncio.timeout(HANG_UP_S):
            await http.post(f"{location.rstrip('/')}/hangup", headers={"Authorization": f"Bearer {key}"})
