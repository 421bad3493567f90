"""The bad network itself: the same seed is the same weather, and each fault does what it says."""

import asyncio
import itertools
from contextlib import asynccontextmanager

import pytest

from tests.servers.udp_impair import Fate, Weather, candidates, through, udp_impair, without_candidates


def fates(weather: Weather, seed: int = 1, count: int = 10_000) -> list[list[float]]:
    fate = Fate(weather, seed)
    return [fate.of_next(i * 0.02) for i in range(count)]


def test_the_same_seed_is_the_same_weather():
    weather = Weather(loss=0.1, jitter_ms=30, reorder=0.05, duplicate=0.05)
    assert fates(weather, 7) == fates(weather, 7)
    assert fates(weather, 7) != fates(weather, 8)


def test_fair_weather_changes_nothing():
    assert fates(Weather()) == [[i * 0.02] for i in range(10_000)]


@pytest.mark.parametrize("burst", [1, 3])
@pytest.mark.parametrize("loss", [0.01, 0.05, 0.2])
def test_loss_takes_its_share(loss, burst):
    lost = [not times for times in fates(Weather(loss=loss, burst=burst))]
    assert sum(lost) / len(lost) == pytest.approx(loss, rel=0.3)
    if burst == 3:
        runs = "".join("x" if gone else "." for gone in lost).replace(".", " ").split()
        assert all(len(run) >= 3 for run in runs[:-1])


def test_jitter_delays_within_its_bound_and_keeps_the_order():
    times = [each[0] for each in fates(Weather(jitter_ms=100))]
    assert all(0 <= due - i * 0.02 <= 0.1 + 1e-9 for i, due in enumerate(times))
    assert times == sorted(times)
    assert max(due - i * 0.02 for i, due in enumerate(times)) > 0.09


def test_reordered_ones_are_overtaken():
    times = [each[0] for each in fates(Weather(reorder=0.05, reorder_ms=50))]
    overtaken = sum(later < earlier for earlier, later in itertools.pairwise(times))
    assert overtaken / len(times) == pytest.approx(0.05, rel=0.3)


def test_what_is_longer_than_the_mtu_with_its_headers_does_not_pass():
    fate = Fate(Weather(mtu=1200), 1)
    assert fate.of_next(0.0, 1172) == [0.0]
    assert fate.of_next(0.0, 1173) == []
    assert fate.counts["too long"] == 1


def test_how_long_each_was_held_is_kept():
    fate = Fate(Weather(delay_ms=20), 1)
    fate.of_next(5.0)
    assert list(fate.held) == pytest.approx([0.02])


def test_duplicates_leave_twice():
    doubled = sum(len(times) == 2 for times in fates(Weather(duplicate=0.05)))
    assert doubled == pytest.approx(500, rel=0.3)


class Echo(asyncio.DatagramProtocol):
    def __init__(self):
        self.heard = []

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, source):
        self.heard.append((data, source))
        self.transport.sendto(data, source)


class Client(asyncio.DatagramProtocol):
    def __init__(self):
        self.queue = asyncio.Queue(maxsize=100)

    def datagram_received(self, data, source):
        self.queue.put_nowait(data)


@asynccontextmanager
async def network(weather=None):
    loop = asyncio.get_running_loop()
    far, echo = await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
    async with udp_impair(far.get_extra_info("sockname"), weather) as proxy:
        near, client = await loop.create_datagram_endpoint(Client, remote_addr=proxy.address)

        async def ask(data: bytes, wait: float = 2.0) -> bytes:
            near.sendto(data)
            return await asyncio.wait_for(client.queue.get(), wait)

        yield proxy, echo, ask
        near.close()
    far.close()
    await asyncio.sleep(0)


async def test_what_goes_in_comes_out_and_back():
    async with network() as (proxy, echo, ask):
        assert await ask(b"hello") == b"hello"
        assert echo.heard == [(b"hello", proxy.outer)]
        assert (proxy.up.counts["seen"], proxy.down.counts["seen"]) == (1, 1)


async def test_a_black_hole_swallows_until_it_is_closed():
    async with network() as (proxy, _, ask):
        proxy.hole = True
        with pytest.raises(TimeoutError):
            await ask(b"lost", 0.1)
        proxy.hole = False
        assert await ask(b"found") == b"found"


async def test_a_rebind_shows_the_server_another_address():
    async with network() as (proxy, echo, ask):
        await ask(b"before")
        before = proxy.outer
        await proxy.rebind()
        assert await ask(b"after") == b"after"
        assert proxy.outer != before
        assert [source for _, source in echo.heard] == [before, proxy.outer]


async def test_everything_lost_is_lost():
    async with network(Weather(loss=1.0)) as (_, echo, ask):
        with pytest.raises(TimeoutError):
            await ask(b"lost", 0.1)
        assert echo.heard == []


SDP = "\r\n".join(
    [
        "v=0",
        "a=ice-lite",
        "m=audio 9 UDP/TLS/RTP/SAVPF 96",
        "a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host",
        "a=candidate:2 1 UDP 2130706430 2001:db8::1 5000 typ host",
        "a=end-of-candidates",
        "a=mid:0",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host",
        "a=mid:1",
        "",
    ]
)


def test_an_answer_is_rewritten_to_the_proxy_alone():
    assert candidates(SDP) == [("192.0.2.1", 5000)]
    rewritten = through(SDP, ("127.0.0.1", 4000))
    assert candidates(rewritten) == [("127.0.0.1", 4000)]
    assert rewritten.count("a=candidate:") == 2
    assert rewritten.count("a=end-of-candidates") == 2
    assert "a=mid:0" in rewritten.split("m=application")[0]
    assert "a=mid:1" in rewritten.split("m=application")[1]


def test_an_offer_can_name_no_address():
    assert "candidate" not in without_candidates(SDP)
    assert "a=mid:1" in without_candidates(SDP)
