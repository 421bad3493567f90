"""The stack, two of them back to back; and the contract with aiortc's inside, which fails loudly on an upgrade."""

from __future__ import annotations

import asyncio
import inspect
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiortc
import pylibsrtp
import pytest
from aiortc import RTCDataChannel, RTCDataChannelParameters, RTCDtlsTransport, RTCSctpTransport, rtcsctptransport

from mediaserver.errors import Hangup
from mediaserver.rtc import rtcp, rtp, stack
from mediaserver.rtc.stack import Certificate, Stack, certificate, fingerprints


class Words:
    """A dialect that remembers."""

    def __init__(self) -> None:
        self.sends: dict[str, Callable[[str], None]] = {}
        self.heard: list[tuple[str, str | bytes]] = []
        self.gone: list[str] = []
        self.changed = asyncio.Event()

    def opened(self, label: str, send: Callable[[str], None]) -> None:
        self.sends[label] = send
        self.changed.set()

    def received(self, label: str, text: str | bytes) -> None:
        self.heard.append((label, text))
        self.changed.set()

    def closed(self, label: str) -> None:
        self.gone.append(label)
        self.changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


class Side:
    """One end: what it sends reaches the other in the next turn of the loop, unless ``filter`` swallows it."""

    def __init__(self, own: Certificate, *, active: bool, remote: list[tuple[str, str]], data: bool = True) -> None:
        self.words = Words()
        self.other: Side | None = None
        self.filter: Callable[[bytes], bytes | None] = lambda datagram: datagram
        self.sizes: list[int] = []
        self.stack = Stack(
            own=own,
            active=active,
            remote=remote,
            send=self.send,
            channels=self.words,
            data_port=5000 if data else None,
            data_limit=65536,
        )

    def send(self, datagram: bytes) -> None:
        self.sizes.append(len(datagram))
        passed = self.filter(datagram)
        if passed is not None and self.other is not None:
            asyncio.get_running_loop().call_soon(self.other.stack.feed, passed)


def make_pair(*, remote: list[tuple[str, str]] | None = None) -> tuple[Side, Side]:
    ours, theirs = certificate(), Certificate.generateCertificate()
    server = Side(ours, active=True, remote=fingerprints(theirs) if remote is None else remote)
    client = Side(theirs, active=False, remote=fingerprints(ours))
    server.other, client.other = client, server
    return server, client


async def until_ended(side: Side, ends: dict[Side, Hangup]) -> None:
    try:
        await side.stack.connect()
        await side.stack.serve()
    except Hangup as hangup:
        ends[side] = hangup


@asynccontextmanager
async def running(*sides: Side) -> AsyncIterator[dict[Side, Hangup]]:
    ends: dict[Side, Hangup] = {}
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        served = [tasks.create_task(until_ended(side, ends)) for side in sides]
        try:
            yield ends
        finally:
            for side in sides:
                await side.stack.close()
            for task in served:
                task.cancel()


async def connected(*sides: Side) -> None:
    async with asyncio.timeout(10):
        while not all(side.stack.connected for side in sides):
            await asyncio.sleep(0.005)


async def open_channel(side: Side, other: Side, label: str = "oai-events") -> RTCDataChannel:
    """Open a channel from ``side`` as a client does, and wait until the other end has it."""
    while side.stack._sctp is None:
        await asyncio.sleep(0.005)
    channel = RTCDataChannel(side.stack._sctp, RTCDataChannelParameters(label=label))
    channel.on("message", lambda message: side.words.received(label, message))
    await other.words.until(lambda: label in other.words.sends)
    while channel.readyState == "connecting":
        await asyncio.sleep(0.005)
    return channel


# --- connecting -------------------------------------------------------------------------------------------------------


async def test_audio_and_text_both_ways() -> None:
    server, client = make_pair()
    async with running(server, client):
        await connected(server, client)
        packet = rtp.serialise(111, True, 7, 960, 42, b"sound")
        for one, other in ((server, client), (client, server)):
            protected = one.stack.protect(packet)
            assert protected is not None
            assert b"sound" not in protected
            assert other.stack.unprotect(protected) == packet
            report = one.stack.protect_rtcp(rtcp.goodbye(42, "x"))
            assert report is not None
            assert other.stack.unprotect_rtcp(report) == rtcp.goodbye(42, "x")
        channel = await open_channel(client, server)
        channel.send("hello")
        await server.words.until(lambda: bool(server.words.heard))
        assert server.words.heard == [("oai-events", "hello")]
        server.words.sends["oai-events"]("welcome")
        await client.words.until(lambda: bool(client.words.heard))
        assert client.words.heard == [("oai-events", "welcome")]


async def test_a_certificate_that_the_offer_did_not_name_is_refused() -> None:
    server, client = make_pair(remote=fingerprints(Certificate.generateCertificate()))
    async with running(server, client) as ends:
        async with asyncio.timeout(5):
            while server not in ends:
                await asyncio.sleep(0.01)
        assert ends[server].reason == "protocol_error"
        assert not server.stack.connected


async def test_closing_says_goodbye() -> None:
    server, client = make_pair()
    async with running(server, client) as ends:
        await connected(server, client)
        await client.stack.close()
        await client.stack.close()
        async with asyncio.timeout(5):
            while server not in ends:
                await asyncio.sleep(0.01)
        assert ends[server].reason == "client_closed"
        assert client.stack.protect(rtp.serialise(0, False, 1, 1, 1, b"")) is None


async def test_lost_flights_are_sent_again() -> None:
    server, client = make_pair()
    rng, lost = random.Random(4), 0

    def lossy(datagram: bytes) -> bytes | None:
        nonlocal lost
        lost += (gone := lost < 2 and rng.random() < 0.6)
        return None if gone else datagram

    server.filter = client.filter = lossy
    async with running(server, client):
        await connected(server, client)
    assert lost == 2


# --- disturbance ------------------------------------------------------------------------------------------------------


def record(kind: int, body: bytes, epoch: int = 0) -> bytes:
    return bytes([kind]) + b"\xfe\xfd" + epoch.to_bytes(2, "big") + bytes(6) + len(body).to_bytes(2, "big") + body


async def test_noise_during_the_handshake_does_not_end_it() -> None:
    server, client = make_pair()
    rng = random.Random(9)
    noise = [record(kind, rng.randbytes(rng.randrange(60)), epoch) for kind in (20, 22, 23, 25, 63) for epoch in (0, 1)]
    noise += [record(21, bytes([2, code])) for code in (0, 10, 40, 80)] + [b"\x16", b"\x14\xfe", b"\x3f" * 300]
    for side in (server, client):
        for datagram in noise:
            side.stack.feed(datagram)
    async with running(server, client):
        await connected(server, client)
        for datagram in noise:
            server.stack.feed(datagram)
        channel = await open_channel(client, server)
        channel.send("still here")
        await server.words.until(lambda: bool(server.words.heard))


async def test_a_handshake_that_fails_again_and_again_gives_up() -> None:
    server, _ = make_pair()
    server.other = None
    bad_hello = record(22, bytes([2, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4]))
    async with running(server) as ends, asyncio.timeout(5):
        while server not in ends:
            server.stack.feed(bad_hello)
            await asyncio.sleep(0)
    assert ends[server].reason == "protocol_error"
    assert server.stack.disturbances > stack.MAX_DISTURBANCES


async def test_what_srtp_does_not_believe_is_dropped_and_counted() -> None:
    server, client = make_pair()
    async with running(server, client):
        assert server.stack.unprotect(b"\x80\x6f" + bytes(40)) is None
        await connected(server, client)
        before = server.stack.refused
        good = client.stack.protect(rtp.serialise(111, False, 1, 1, 1, b"x" * 50))
        assert good is not None
        other = good[:-1] + bytes((good[-1] ^ 1,))
        for bad in (b"\x80", b"\x80\x6f" + bytes(40), good[:-1], other, bytes(1800), b"\x80" + bytes(2000)):
            assert server.stack.unprotect(bad) is None
            assert server.stack.unprotect_rtcp(bad) is None
        assert server.stack.refused == before + 12
        assert server.stack.unprotect(good) is not None
        assert server.stack.unprotect(good) is None, "a replayed packet was accepted"
        assert server.stack.protect(bytes(1600)) is None


async def test_nonsense_inside_sctp_is_counted_and_the_call_goes_on() -> None:
    server, client = make_pair()
    async with running(server, client) as ends:
        await connected(server, client)
        channel = await open_channel(client, server)
        rng, dtls = random.Random(3), client.stack._dtls
        sctp = client.stack._sctp
        assert sctp is not None
        head = rtcsctptransport.pack("!HHL", 5000, 5000, sctp._remote_verification_tag)
        for kind in range(16):
            body = head + bytes(4) + bytes([kind, 0, 0, 12]) + rng.randbytes(8)
            crc = rtcsctptransport.crc32c(body).to_bytes(4, "little")
            if kind not in (6, 7, 8, 14):  # those end the association, as they may
                await dtls._send_data(body[:8] + crc + body[12:])
        # An OPEN for a stream that is open, and a label that is no UTF-8.
        await sctp._send(channel.id or 0, 50, b"\x03\0\0\0\0\0\0\0\0\x01\0\0x")
        await sctp._send(21, 50, b"\x03\0\0\0\0\0\0\0\0\x02\0\0\xff\xfe")
        await sctp._send(channel.id or 0, 51, b"\xff\xfe")
        channel.send("still here")
        await server.words.until(lambda: ("oai-events", "still here") in server.words.heard)
        assert server.stack.refused >= 3
        assert ends == {}


async def test_more_channels_than_anybody_needs_end_the_call() -> None:
    server, client = make_pair()
    async with running(server, client) as ends:
        await connected(server, client)
        for n in range(stack.MAX_CHANNELS):
            await open_channel(client, server, f"c{n}")
        assert client.stack._sctp is not None
        RTCDataChannel(client.stack._sctp, RTCDataChannelParameters(label="one too many"))
        async with asyncio.timeout(5):
            while server not in ends:
                await asyncio.sleep(0.01)
        assert ends[server].reason == "protocol_error"


# --- sending text -----------------------------------------------------------------------------------------------------


async def test_a_client_that_does_not_read_is_hung_up_on() -> None:
    server, client = make_pair()
    async with running(server, client):
        await connected(server, client)
        await open_channel(client, server)
        server.filter = lambda datagram: None
        say = server.words.sends["oai-events"]
        with pytest.raises(Hangup) as caught:
            for _ in range(200):
                say("x" * 10000)
        assert caught.value.reason == "connection_lost"


async def test_a_message_longer_than_the_client_takes_ends_the_call() -> None:
    server, client = make_pair()
    async with running(server, client):
        await connected(server, client)
        await open_channel(client, server)
        with pytest.raises(Hangup) as caught:
            server.words.sends["oai-events"]("x" * 70000)
        assert caught.value.reason == "protocol_error"


async def test_large_messages_fit_a_path_of_1200_bytes() -> None:
    server, client = make_pair()
    async with running(server, client):
        await connected(server, client)
        await open_channel(client, server)
        server.words.sends["oai-events"]("y" * 60000)
        await client.words.until(lambda: bool(client.words.heard))
    assert max(server.sizes) + 28 <= 1200


async def test_a_closed_channel_is_reported_and_takes_no_more() -> None:
    server, client = make_pair()
    async with running(server, client):
        await connected(server, client)
        channel = await open_channel(client, server)
        channel.close()
        await server.words.until(lambda: server.words.gone == ["oai-events"])
        server.words.sends["oai-events"]("nobody hears this")


# --- the certificate --------------------------------------------------------------------------------------------------


def test_the_process_has_one_certificate_until_it_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    first = certificate()
    assert certificate() is first
    monkeypatch.setattr(stack, "_RENEW_BEFORE", 40 * 86400.0)
    assert certificate() is not first


# --- the contract with aiortc -----------------------------------------------------------------------------------------


def test_the_names_below_aiortcs_surface_are_where_we_look_for_them() -> None:
    assert aiortc.__version__.startswith("1.16."), (
        "a new aiortc: read mediaserver/rtc/stack.py against its sources first"
    )
    for name in ("start", "stop", "_do_handshake", "_recv_next", "_write_ssl", "_send_data", "_set_role", "_set_state"):
        assert callable(getattr(RTCDtlsTransport, name)), name
    for name in ("_do_handshake", "_recv_next", "_write_ssl", "_send_data"):
        assert inspect.iscoroutinefunction(getattr(RTCDtlsTransport, name)), name
    for name in ("start", "stop", "_handle_data"):
        assert inspect.iscoroutinefunction(getattr(RTCSctpTransport, name)), name
    assert rtcsctptransport.USERDATA_MAX_LENGTH <= stack.USER_DATA
    assert "USERDATA_MAX_LENGTH" in inspect.getsource(RTCSctpTransport._send)
    assert hasattr(pylibsrtp.Session, "unprotect_rtcp")


async def test_the_attributes_we_read_exist() -> None:
    path = stack._Path(lambda datagram: None)
    dtls = stack._Dtls(path, certificate(), active=True)
    for name in ("_task", "_ssl", "_rx_srtp", "_tx_srtp", "_role", "_state", "_srtp_profiles", "encrypted"):
        assert hasattr(dtls, name), name
    sctp = RTCSctpTransport(dtls)
    for name in ("_advertised_rwnd", "_sack_misordered", "_sent_queue", "_last_sacked_tsn"):
        assert hasattr(sctp, name), name
    assert sctp._advertised_rwnd > 0


def test_aiortc_sends_only_through_what_we_replace() -> None:
    source = inspect.getsource(RTCDtlsTransport)
    assert source.count("self.transport._send(") == 2
    assert source.count("self.transport._recv()") == 2
    assert "self._task = asyncio.ensure_future(self.__run())" in inspect.getsource(RTCDtlsTransport.start)
