"""The port itself: binding, admission, who is listened to, and what it counts."""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import replace
from types import ModuleType

import pytest
import uvloop

from mediaserver.audio.ticker import Ticker
from mediaserver.errors import BadRequest, ConfigError, Overloaded, TooLarge
from mediaserver.rtc import stun
from mediaserver.rtc.port import BATCH, MAX_DATAGRAM, MediaPort, MediaSettings
from tests.rtc import offers
from tests.rtc.clients import LOCAL, Bare, Text, media_port, until

# libuv opens one pipe per process with its first loop and keeps it: here, before anybody counts.
uvloop.new_event_loop().close()


async def test_one_port_number_on_every_address() -> None:
    async with media_port() as port:
        numbers = {endpoint.socket.getsockname()[1] for endpoint in port._endpoints}
        assert numbers == {port.port}
        assert port.addresses == ("127.0.0.1", "::1")
        _, answer = port.accept(offers.chrome(), Text())
        assert answer.count(f"a=candidate:1 1 udp 2130706431 127.0.0.1 {port.port} typ host") == 2


async def test_a_taken_port_stops_the_start() -> None:
    async with media_port() as port:
        with pytest.raises(ConfigError) as caught:
            async with MediaPort.open(replace(LOCAL, port=port.port), Ticker()):
                pass
        assert caught.value.path == "media.port"


async def test_the_public_address_is_advertised_and_the_private_one_bound() -> None:
    async with media_port(MediaSettings(addresses=("203.0.113.9/127.0.0.1",))) as port:
        _, answer = port.accept(offers.chrome(), Text())
        assert f" 203.0.113.9 {port.port} typ host" in answer
        assert "127.0.0.1 " + str(port.port) not in answer


async def test_too_many_setups_are_refused_until_there_is_room() -> None:
    async with media_port(replace(LOCAL, max_pending=2)) as port:
        peers = [port.accept(offers.chrome(), Text())[0] for _ in range(2)]
        with pytest.raises(Overloaded) as caught:
            port.accept(offers.chrome(), Text())
        assert caught.value.retry_after > 0
        await peers[0].close("client_closed")
        port.accept(offers.chrome(), Text())


async def test_too_many_calls_are_refused() -> None:
    async with media_port(replace(LOCAL, max_calls=1)) as port:
        port.accept(offers.chrome(), Text())
        with pytest.raises(Overloaded):
            port.accept(offers.chrome(), Text())


async def test_a_call_that_comes_back_takes_its_own_place() -> None:
    async with media_port(replace(LOCAL, max_calls=1)) as port:
        first, _ = port.accept(offers.chrome(), Text(), call_id="rtc_1")
        second, _ = port.accept(offers.chrome(), Text(), call_id="rtc_1")
        assert port.peers == 1
        await first.close("client_closed")
        assert port.peers == 1
        await second.close("client_closed")
        assert port.peers == 0


async def test_new_credentials_are_answered_with_a_fragment_and_known_ones_with_the_same() -> None:
    async with media_port() as port:
        peer, _ = port.accept(offers.chrome(), Text())
        before = peer.agent.credentials.ufrag
        fragment = port.restart(peer, "next", "client+password+0123456789")
        assert f"a=ice-ufrag:{peer.agent.latest.ufrag}\r\n" in fragment
        assert peer.agent.latest.ufrag != before and peer.agent.ufrags == (before, peer.agent.latest.ufrag)
        assert port.restart(peer, "next", "client+password+0123456789") == fragment


async def test_a_refused_offer_leaves_nothing() -> None:
    async with media_port() as port:
        with pytest.raises(BadRequest):
            port.accept("v=0\r\n", Text())
        with pytest.raises(TooLarge):
            port.accept("v=0\r\n" + "a=x\r\n" * 20000, Text())
        assert port.stats()["refused_offers"] == 2
        assert port.peers == 0


async def test_call_ids_are_given_or_made() -> None:
    async with media_port() as port:
        assert port.accept(offers.chrome(), Text(), call_id="rtc_mine")[0].id == "rtc_mine"
        assert port.accept(offers.chrome(), Text())[0].id.startswith("rtc_")


async def test_strangers_get_no_answer() -> None:
    stranger = Bare()
    async with media_port() as port:
        peer, _ = port.accept(offers.chrome(), Text())
        stranger.remote = ("127.0.0.1", port.port)
        names = [b"nobody:x", peer.agent.credentials.ufrag.encode() + b":clnt", b"", b":"]
        for name in names:
            stranger.send(stun.build(stun.BINDING_REQUEST, os.urandom(12), [(stun.USERNAME, name)], b"a guess"))
        stranger.send(stun.build(stun.BINDING_SUCCESS, os.urandom(12), [], None))
        stranger.send(b"\x16\xfe\xfd" + bytes(20))
        await until(lambda: port.stats()["received"] == 6)
        assert stranger.responses == []
        assert port.stats()["unknown_source"] == 5
        assert port.stats()["bad_stun"] == 1
        assert peer.agent.sources == ()
    stranger.close()


async def test_empty_and_oversize_datagrams_are_counted() -> None:
    async with media_port() as port:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"", ("127.0.0.1", port.port))
            sender.sendto(bytes(MAX_DATAGRAM + 1), ("127.0.0.1", port.port))
            sender.sendto(b"\xff" * MAX_DATAGRAM, ("127.0.0.1", port.port))
        await until(lambda: port.stats()["received"] == 3)
        assert port.stats()["oversize"] == 2
        assert port.stats()["unknown_source"] == 1


async def test_one_wake_up_reads_a_bounded_batch() -> None:
    async with media_port() as port:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(BATCH * 2):
                sender.sendto(b"\xff", ("127.0.0.1", port.port))
        port._readable(port._endpoints[0])
        assert port.stats()["received"] == BATCH
        await until(lambda: port.stats()["received"] == BATCH * 2)


async def test_a_failing_send_is_counted_and_never_raised() -> None:
    client = Bare()
    async with media_port() as port:
        peer, answer = port.accept(client.offer(), Text())
        client.accept(answer)
        client.check()
        await until(lambda: client.responses)
        peer.write(bytes(70000))
        assert port.stats()["send_failed"] == 1
        await peer.close("client_closed")
        peer.write(b"\x80" * 20)
    client.close()


async def test_a_new_call_from_the_address_of_an_old_one() -> None:
    client = Bare()
    async with media_port() as port:
        first, answer = port.accept(client.offer(), Text())
        client.accept(answer)
        client.check()
        await until(lambda: first.agent.path)
        second, answer = port.accept(client.offer(), Text())
        client.accept(answer)
        client.check()
        await until(lambda: second.agent.path)
        await first.close("client_closed")
        route = port._endpoints[0].routes[client.socket.getsockname()]
        assert route[2] is second
    client.close()


async def test_nothing_is_named_or_routed_after_the_end() -> None:
    client = Bare()
    async with media_port() as port:
        peer, answer = port.accept(client.offer(), Text())
        client.accept(answer)
        client.check()
        await until(lambda: peer.agent.path)
        await peer.close("client_closed")
        assert (port._named, port._peers, port._endpoints[0].routes) == ({}, {}, {})
    client.close()


@pytest.mark.parametrize("loop", [asyncio, uvloop], ids=["asyncio", "uvloop"])
def test_the_port_works_on_plain_asyncio_and_on_uvloop(loop: ModuleType) -> None:
    with asyncio.Runner(loop_factory=loop.new_event_loop) as runner:
        runner.run(_one_check())


async def _one_check() -> None:
    client = Bare()
    async with media_port() as port:
        peer, answer = port.accept(client.offer(), Text())
        client.accept(answer)
        client.check()
        await until(lambda: peer.agent.path and client.responses)
    client.close()
