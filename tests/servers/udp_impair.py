"""A bad network in user space: a seeded UDP proxy between one client and one server.

Loss (random or in bursts), delay, jitter, reordering, duplication, rate of nothing at all (a black hole), and a rebind of
the client's address, each way alike. The client is pointed at the proxy by rewriting the candidates of the answer
(:func:`through`). What it decides follows from the seed alone: the n-th datagram each way always meets the same fate.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

Address = tuple[str, int]
HEADERS = 28
"""Bytes of an IPv4 and a UDP header."""


@dataclass(frozen=True, slots=True)
class Weather:
    """How bad it is. Fractions 0..1; ``burst`` is the number of datagrams that a loss takes with it; times in ms.

    ``jitter_ms`` delays each datagram by a uniform random time up to it, keeping order (a queue on the way); a reordered
    datagram is held back for ``reorder_ms`` and overtaken meanwhile. ``mtu``: bytes of the longest packet that passes, the
    28 of its IPv4 and UDP headers included; a longer one would be cut into fragments, and those are dropped.
    """

    loss: float = 0.0
    burst: int = 1
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    reorder: float = 0.0
    reorder_ms: float = 50.0
    duplicate: float = 0.0
    mtu: int | None = None


class Fate:
    """Decides for one direction what becomes of each datagram. Pure: the same seed and weather, the same fates.

    ``counts`` says what it did, ``recent`` keeps the last datagrams of that direction, ``held`` for how many seconds each
    of the last ones was held back.
    """

    def __init__(self, weather: Weather, seed: int) -> None:
        self.weather = weather
        self._random = random.Random(seed)
        self._lost_more = 0
        self._last_due = 0.0
        self.counts: Counter[str] = Counter()
        self.recent: deque[bytes] = deque(maxlen=200)
        self.held: deque[float] = deque(maxlen=1000)

    def of_next(self, now: float, size: int = 0) -> list[float]:
        """Return when the next datagram leaves the proxy, in seconds: empty when it is lost, two times when doubled.

        ``size`` are the bytes of its payload.
        """
        weather, roll = self.weather, [self._random.random() for _ in range(4)]
        self.counts["seen"] += 1
        if weather.mtu is not None and size + HEADERS > weather.mtu:
            self.counts["too long"] += 1
            return []
        if self._lose(weather, roll[0]):
            self.counts["lost"] += 1
            return []
        due = now + (weather.delay_ms + roll[1] * weather.jitter_ms) / 1000
        if roll[2] < weather.reorder:
            self.counts["reordered"] += 1
            due += weather.reorder_ms / 1000
        else:
            due = self._last_due = max(due, self._last_due)
        self.held.append(due - now)
        if roll[3] < weather.duplicate:
            self.counts["duplicated"] += 1
            return [due, due]
        return [due]

    def _lose(self, weather: Weather, roll: float) -> bool:
        if self._lost_more:
            self._lost_more -= 1
            return True
        if roll < weather.loss / weather.burst:
            self._lost_more = weather.burst - 1
            return True
        return False


class _Socket(asyncio.DatagramProtocol):
    def __init__(self, proxy: Proxy, *, towards_client: bool) -> None:
        self._proxy = proxy
        self._towards_client = towards_client

    def datagram_received(self, data: bytes, source: Address) -> None:
        self._proxy._pass_on(data, source, self._towards_client)


class Proxy:
    """The proxy: clients send to :attr:`address`, the server sees :attr:`outer`."""

    def __init__(self, server: Address, weather: Weather, seed: int) -> None:
        self._server = server
        self._client: Address | None = None
        self._inner: asyncio.DatagramTransport | None = None
        self._outer: asyncio.DatagramTransport | None = None
        self.hole = False
        self.up = Fate(weather, seed)
        self.down = Fate(weather, seed + 1)

    @property
    def address(self) -> Address:
        """Where the client sends to."""
        assert self._inner is not None
        return self._inner.get_extra_info("sockname")[:2]

    @property
    def outer(self) -> Address:
        """What the server sees as the client's address."""
        assert self._outer is not None
        return self._outer.get_extra_info("sockname")[:2]

    def set_weather(self, weather: Weather) -> None:
        """Change the weather both ways from the next datagram on."""
        self.up.weather = self.down.weather = weather

    async def rebind(self) -> None:
        """Do what a NAT does that forgot its mapping: the server sees the client at another port from now on."""
        loop, old = asyncio.get_running_loop(), self._outer
        host = self.address[0]
        self._outer, _ = await loop.create_datagram_endpoint(
            lambda: _Socket(self, towards_client=True), local_addr=(host, 0)
        )
        if old is not None:
            old.close()

    async def open(self, host: str) -> None:
        """Bind both sides on this address of the machine."""
        loop = asyncio.get_running_loop()
        self._inner, _ = await loop.create_datagram_endpoint(
            lambda: _Socket(self, towards_client=False), local_addr=(host, 0)
        )
        await self.rebind()

    def close(self) -> None:
        """Free the ports."""
        for transport in (self._inner, self._outer):
            if transport is not None:
                transport.close()

    def _pass_on(self, data: bytes, source: Address, towards_client: bool) -> None:
        if not towards_client:
            self._client = source
        if self.hole:
            return
        now = asyncio.get_running_loop().time()
        fate = self.down if towards_client else self.up
        fate.recent.append(data)
        for due in fate.of_next(now, len(data)):
            if due <= now:
                self._send(data, towards_client)
            else:
                asyncio.get_running_loop().call_at(due, self._send, data, towards_client)

    def _send(self, data: bytes, towards_client: bool) -> None:
        transport, target = (self._inner, self._client) if towards_client else (self._outer, self._server)
        if transport is not None and target is not None and not transport.is_closing():
            transport.sendto(data, target)


@asynccontextmanager
async def udp_impair(server: Address, weather: Weather | None = None, *, seed: int = 1) -> AsyncIterator[Proxy]:
    """Run a proxy in front of ``server`` on the server's own address, on ports that are free."""
    proxy = Proxy(server, weather or Weather(), seed)
    await proxy.open(server[0])
    try:
        yield proxy
    finally:
        proxy.close()
        await asyncio.sleep(0)  # transports close their sockets on the next turn of the loop


CANDIDATE = re.compile(
    r"^a=candidate:\S+ 1 udp \d+ (?P<host>\S+) (?P<port>\d+) typ host.*$", re.IGNORECASE | re.MULTILINE
)


def candidates(sdp: str) -> list[Address]:
    """Return the UDP host candidates of an SDP, IPv4 only, in order and without repetition."""
    found = [(match["host"], int(match["port"])) for match in CANDIDATE.finditer(sdp)]
    return list(dict.fromkeys(address for address in found if ":" not in address[0]))


def through(sdp: str, address: Address) -> str:
    """Return an answer whose only candidate, in each m-line, is ``address``."""
    host, port = address
    line = f"a=candidate:1 1 udp 2130706431 {host} {port} typ host"
    sections = re.split(r"(?m)^(?=m=)", sdp)
    return "".join(_only(section, line) for section in sections)


def _only(section: str, line: str) -> str:
    if not re.search(r"(?m)^a=candidate:", section):
        return section
    rest = re.sub(r"(?m)^a=(candidate:.*|end-of-candidates)\r?\n", "", section)
    return f"{rest.rstrip()}\r\n{line}\r\na=end-of-candidates\r\n"


def without_candidates(sdp: str) -> str:
    """Return an offer that names no address: the server then only learns the proxy's."""
    return re.sub(r"(?m)^a=(candidate:.*|end-of-candidates)\r?\n", "", sdp)
