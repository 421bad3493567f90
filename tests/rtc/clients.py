"""Clients for the media port: stock aiortc, and a bare one whose every packet the test decides."""

from __future__ import annotations

import asyncio
import math
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiortc import AudioStreamTrack, MediaStreamTrack, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from aiortc.sdp import SessionDescription

from mediaserver.audio.ticker import Ticker
from mediaserver.caller import Dialect
from mediaserver.commands import Command
from mediaserver.errors import Hangup
from mediaserver.events import DigitPressed, Event, PlayoutFinished, PlayoutStarted
from mediaserver.rtc import rtp, stun
from mediaserver.rtc.peer import Peer
from mediaserver.rtc.port import MediaPort, MediaSettings
from mediaserver.rtc.stack import Certificate, Stack, fingerprints
from tests.rtc import offers

LOCAL = MediaSettings(addresses=("127.0.0.1", "::1"))
RATE = 16000


class Text(Dialect):
    """A dialect that remembers what it was told and echoes text."""

    def __init__(self) -> None:
        self.sends: dict[str, Callable[[str], None]] = {}
        self.heard: list[str | bytes] = []
        self.gone: list[str] = []

    def attach(self, listener: object) -> None:
        self.listener = listener

    def opened(self, label: str, send: Callable[[str], None]) -> None:
        self.sends[label] = send
        send(f"welcome to {label}")

    def received(self, label: str, text: str | bytes) -> None:
        self.heard.append(text)
        self.sends[label](f"you said {text!r}")

    def closed(self, label: str) -> None:
        self.gone.append(label)

    def tell(self, event: Event) -> None:
        for send in self.sends.values():
            send(type(event).__name__)


class Ear:
    """A listener that counts, and says everything back when it is an echo."""

    def __init__(self, peer: Peer, *, echo: bool = False) -> None:
        self.peer = peer
        self.echo = echo
        self.frames = 0
        self.energy = 0.0
        self.last_at = 0.0
        self.notes: list[PlayoutStarted | PlayoutFinished | DigitPressed] = []
        peer.attach(self, hear_rate=RATE, play_rate=RATE, live=echo)

    def hear(self, pcm: bytes, at: float) -> None:
        self.frames += 1
        self.last_at = at
        self.energy = sum(s * s for (s,) in struct.iter_unpack("<h", pcm)) / (len(pcm) // 2)
        if self.echo:
            self.peer.play("echo", pcm)

    def ask(self, command: Command) -> None:
        raise AssertionError("nobody asks here")

    def note(self, event: PlayoutStarted | PlayoutFinished | DigitPressed) -> None:
        self.notes.append(event)

    def refuse(self, message: str, code: str, event_id: str | None, param: str | None = None) -> None:
        raise AssertionError("nobody refuses here")


class Tone(AudioStreamTrack):
    """A 440 Hz tone in real time."""

    async def recv(self):  # type: ignore[no-untyped-def]
        frame = await super().recv()
        start = frame.pts
        wave = (int(8000 * math.sin(2 * math.pi * 440 * (start + n) / frame.sample_rate)) for n in range(frame.samples))
        frame.planes[0].update(struct.pack(f"<{frame.samples}h", *wave))
        return frame


@asynccontextmanager
async def media_port(settings: MediaSettings = LOCAL) -> AsyncIterator[MediaPort]:
    """A port with its clock running."""
    ticker = Ticker()
    async with asyncio.TaskGroup() as tasks:
        ticking = tasks.create_task(ticker.run())
        try:
            async with MediaPort.open(settings, ticker) as port:
                yield port
        finally:
            ticking.cancel()


@asynccontextmanager
async def serving(*peers: Peer) -> AsyncIterator[dict[Peer, Hangup]]:
    """Run peers as their sessions would; what is yielded fills with how they ended."""
    ends: dict[Peer, Hangup] = {}

    async def serve(peer: Peer) -> None:
        try:
            await peer.run()
        except Hangup as hangup:
            ends[peer] = hangup

    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(serve(peer)) for peer in peers]
        try:
            yield ends
        finally:
            for task in running:
                task.cancel()


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until a condition holds; fails after ``seconds``, which no healthy run needs."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


# --- stock aiortc -----------------------------------------------------------------------------------------------------


class Stock:
    """What a browser does: offers a microphone and the channel ``oai-events``, takes the answer."""

    def __init__(self, track: MediaStreamTrack | None = None) -> None:
        self.connection = RTCPeerConnection()
        self.channel: RTCDataChannel = self.connection.createDataChannel("oai-events")
        self.connection.addTrack(track or Tone())
        self.texts: list[str] = []
        self.energies: list[float] = []
        self.channel.on("message", self.texts.append)
        self._tasks: asyncio.TaskGroup | None = None
        self.connection.on("track", self._listen)

    async def offer(self) -> str:
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return self.connection.localDescription.sdp

    async def accept(self, answer: str) -> None:
        await self.connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    async def __aenter__(self) -> Stock:
        self._tasks = asyncio.TaskGroup()
        await self._tasks.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.connection.close()
        assert self._tasks is not None
        await self._tasks.__aexit__(None, None, None)

    def _listen(self, track: MediaStreamTrack) -> None:
        assert self._tasks is not None
        self._tasks.create_task(self._read(track))

    async def _read(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            sound = frame.to_ndarray()  # type: ignore[union-attr]
            self.energies.append(float((sound.astype(float) ** 2).mean()))


# --- bare -------------------------------------------------------------------------------------------------------------


class Bare:
    """One UDP socket, STUN, DTLS and SRTP under the test's hand; G.711 so that a packet is as plain as can be."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        self.certificate = Certificate.generateCertificate()
        self.ufrag, self.pwd = "bare" + os.urandom(2).hex(), os.urandom(12).hex()
        self.socket = self._open()
        self.stack: Stack | None = None
        self.texts = Text()
        self.packets: list[rtp.Packet] = []
        self.responses: list[stun.Message] = []
        self.asked: list[stun.Message] = []
        self.consents = False
        """Whether it answers when it is asked, as clients that are no test do."""
        self.sequence = 0
        self.remote: tuple[str, int] = ("", 0)
        self.server = ("", "")

    def _open(self) -> socket.socket:
        made = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET, socket.SOCK_DGRAM)
        made.setblocking(False)
        made.bind((self.host, 0))
        asyncio.get_running_loop().add_reader(made, self._readable, made)
        return made

    def offer(self, setup: str = "actpass", *attributes: str) -> str:
        algorithm, value = fingerprints(self.certificate)[0]
        transport = (
            f"a=ice-ufrag:{self.ufrag}", f"a=ice-pwd:{self.pwd}", f"a=fingerprint:{algorithm} {value}", f"a=setup:{setup}",
        )  # fmt: skip
        return offers.text(
            *offers.SESSION, "a=group:BUNDLE 0 1",
            "m=audio 9 UDP/TLS/RTP/SAVPF 0 126", *transport, "a=mid:0", "a=rtcp-mux", "a=rtpmap:0 PCMU/8000",
            "a=rtpmap:126 telephone-event/8000", *attributes,
            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel", *transport, "a=mid:1", "a=sctp-port:5000",
        )  # fmt: skip

    def accept(self, answer: str) -> None:
        media = SessionDescription.parse(answer).media[0]
        candidate = next(c for c in media.ice_candidates if c.ip == self.host)
        assert media.ice is not None
        assert media.dtls is not None
        self.remote = (candidate.ip, candidate.port)
        self.server = (str(media.ice.usernameFragment), str(media.ice.password))
        if self.stack is None:
            self.stack = Stack(
                own=self.certificate,
                active=media.dtls.role == "server",
                remote=[(f.algorithm, f.value) for f in media.dtls.fingerprints],
                send=self.send,
                channels=self.texts,
                data_port=5000,
            )

    def check(self, *, nominate: bool = True) -> None:
        ufrag, pwd = self.server
        attributes = [(stun.USERNAME, f"{ufrag}:{self.ufrag}".encode()), (stun.PRIORITY, bytes(4))]
        attributes.append((stun.ICE_CONTROLLING, bytes(8)))
        if nominate:
            attributes.append((stun.USE_CANDIDATE, b""))
        self.send(stun.build(stun.BINDING_REQUEST, os.urandom(12), attributes, pwd.encode()))

    def say(self, count: int = 1, payload: bytes = b"\xd5" * 160, payload_type: int = 0) -> None:
        for _ in range(count):
            self.send(self.packet(payload, payload_type))

    def packet(self, payload: bytes = b"\xd5" * 160, payload_type: int = 0) -> bytes:
        """The next packet, encrypted."""
        assert self.stack is not None
        self.sequence += 1
        protected = self.stack.protect(
            rtp.serialise(payload_type, False, self.sequence, self.sequence * 160, 77, payload)
        )
        assert protected is not None
        return protected

    def send(self, datagram: bytes) -> None:
        self.socket.sendto(datagram, self.remote)

    def rebind(self) -> socket.socket:
        """Leave from another port, as behind a NAT that forgot us; returns the old socket."""
        old, self.socket = self.socket, self._open()
        asyncio.get_running_loop().remove_reader(old)
        return old

    def _readable(self, sock: socket.socket) -> None:
        while True:
            try:
                data = sock.recv(2048)
            except OSError:
                return
            self._receive(data)

    def _answer(self, request: stun.Message) -> None:
        self.asked.append(request)
        if self.consents:
            self.send(stun.success(request, *self.remote, self.pwd.encode()))

    def _receive(self, data: bytes) -> None:
        if data[0] < 4:
            message = stun.parse(data)
            assert message is not None
            if message.kind == stun.BINDING_REQUEST:
                self._answer(message)
            else:
                self.responses.append(message)
        elif data[0] < 64 and self.stack is not None:
            self.stack.feed(data)
        elif self.stack is not None and not 192 <= data[1] < 224:
            packet = rtp.parse(self.stack.unprotect(data) or b"")
            assert packet is not None
            self.packets.append(packet)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Bare]:
        """Check, shake hands, and serve the transport until the block ends."""
        assert self.stack is not None
        self.check()
        async with asyncio.TaskGroup() as tasks:
            await until(lambda: self.responses)
            serving = tasks.create_task(self._serve(self.stack))
            try:
                yield self
            finally:
                await self.stack.close()
                serving.cancel()

    async def _serve(self, stack: Stack) -> None:
        try:
            await stack.connect()
            await stack.serve()
        except Hangup:
            return

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.socket)
        self.socket.close()
