"""A lean caller against a media port in this process, through a bad network if wanted: what reaches the listener, and when.

Shared by the tests, in small amounts, and by ``make reliability``, in full ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from benchmarks.client import Caller, Identity
from benchmarks.sound import FRAME, LOOP, RATE, Probe, bursts, encoded
from mediaserver.rtc.peer import Peer
from mediaserver.rtc.port import MediaPort
from tests.rtc.clients import Text, serving, until
from tests.servers.udp_impair import Proxy, Weather, candidates, through, udp_impair

HOST = "127.0.0.1"

Serve = Callable[[Peer], AbstractAsyncContextManager[object]]


@cache
def identity() -> Identity:
    """Return the certificate of all lean callers."""
    return Identity()


@cache
def speech() -> tuple[list[bytes], dict]:
    """Return the packets of the loop and where its bursts are."""
    packets = encoded()
    return packets, bursts(packets)


@dataclass(slots=True)
class Listening:
    """Takes the place of a session: counts frames and notices bursts. Delays in milliseconds."""

    frames: int = 0
    delays: list[float] = field(default_factory=list)
    flying: dict[int, float] = field(default_factory=dict)
    probe: Probe = field(default_factory=Probe)
    pcm: list[bytes] = field(default_factory=list)
    keep: bool = False
    say_back: Callable[[str, bytes], None] | None = None

    def hear(self, pcm: bytes, at: float) -> None:
        """Take a frame."""
        self.frames += 1
        if self.keep:
            self.pcm.append(pcm)
        if self.say_back is not None:
            self.say_back("echo", pcm)
        for heard in self.probe.listen(np.frombuffer(pcm, np.int16).astype(np.float32) / 32768):
            if (sent := self.flying.pop(heard.burst, None)) is not None:
                self.delays.append((time.monotonic() + heard.offset / RATE - sent) * 1000)

    def ask(self, command: object) -> None:
        """Nobody asks here."""

    def note(self, event: object) -> None:
        """Nothing is played here."""

    def refuse(self, message: str, code: str, event_id: str | None, param: str | None = None) -> None:
        """Nobody refuses here."""


@dataclass(slots=True)
class LeanCall:
    """A call that is up."""

    caller: Caller
    peer: Peer
    listening: Listening
    proxy: Proxy | None
    sent: int = 0

    @property
    def made_up(self) -> float:
        """Frames that were concealed so far."""
        return self.peer.stats["received_concealed"] or 0

    async def speak(self, seconds: float) -> None:
        """Send so much of the loop in real time."""
        packets, marks = speech()
        loop = asyncio.get_running_loop()
        began = loop.time()
        for index in range(round(seconds * RATE / FRAME)):
            await asyncio.sleep(max(0.0, began + index * FRAME / RATE - loop.time()))
            if mark := marks.get(self.sent % LOOP):
                self.listening.flying[mark.burst] = time.monotonic() + mark.offset / RATE
            self.caller.send(packets[self.sent % LOOP])
            self.sent += 1
            if time.perf_counter() >= self.caller.due:
                self.caller.tick(time.perf_counter())


@asynccontextmanager
async def lean_call(
    port: MediaPort,
    weather: Weather | None = None,
    *,
    seed: int = 1,
    keep: bool = False,
    copies: int = 0,
    echo: bool = False,
    connect_s: float = 12.0,
    serve: Serve | None = None,
) -> AsyncIterator[LeanCall]:
    """Call a media port, through this weather, and hang up in the end; each packet repeats ``copies`` before it.

    What the caller says is counted, and with ``echo`` said back; or ``serve`` runs the peer, and nothing is counted here.
    Raises TimeoutError when it does not connect.
    """
    caller = Caller(identity(), HOST, decrypt=serve is not None, copies=copies)
    peer, answer = port.accept(caller.offer(), Text())
    listening = Listening(keep=keep, say_back=peer.play if echo else None)
    if serve is None:
        peer.attach(listening, hear_rate=RATE, play_rate=RATE, live=echo)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(caller.close)
        proxy = None
        if weather is not None:
            server = next(each for each in candidates(answer) if each[0] == HOST)
            proxy = await stack.enter_async_context(udp_impair(server, weather, seed=seed))
            answer = through(answer, proxy.address)
        await stack.enter_async_context((serve or serving)(peer))
        stack.enter_context(reading(caller))
        caller.answer(answer)
        await _connected(caller, peer, connect_s)
        yield LeanCall(caller, peer, listening, proxy)
        await peer.close("client_closed")


@contextlib.contextmanager
def reading(caller: Caller) -> Iterator[None]:
    """Read a caller's socket in the running loop."""
    loop = asyncio.get_running_loop()
    loop.add_reader(caller.socket, lambda: caller.readable(time.perf_counter()))
    try:
        yield
    finally:
        loop.remove_reader(caller.socket)


async def _connected(caller: Caller, peer: Peer, seconds: float) -> None:
    def connected() -> bool:
        if time.perf_counter() >= caller.due:
            caller.tick(time.perf_counter())
        return caller.up and peer.connected

    await until(connected, seconds)
