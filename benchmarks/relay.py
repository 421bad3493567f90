"""The WebSocket path to a provider beside LiteLLM's realtime proxy: ``python -m benchmarks.relay``.

A caller says 20 ms of sound every 20 ms; a lean provider sends each frame back at once. Caller and provider write their
times into the frame itself, on the one clock of this machine, so that each way is measured alone. The straight way from
caller to provider is the floor; what a server in between adds to it, and the CPU that it uses meanwhile, are measured in
turn, round after round, on a core of its own; callers and provider share the other one. Sessions do not speak at the same
instant: they are spread over the 20 ms. Connecting and the first second are not measured. A run that others disturb is
repeated, whoever's it is (:mod:`benchmarks.quiet`).
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field

import aiohttp
import psutil

from benchmarks import quiet
from benchmarks.ending import end_what_was_started
from benchmarks.peers.lean_realtime import MAGIC, STAMP, lean_provider
from benchmarks.peers.litellm_proxy import ENVIRONMENT, KEY, VERSION, litellm
from benchmarks.servers import circumstances, cores, table
from tests.servers.voice_server import free_port, voice_server

FRAME_S, FRAME_BYTES = 0.02, 960
WARM_S, DRAIN_S, READY_S = 1.0, 1.0, 20.0
DELTAS = ("response.output_audio.delta", "response.audio.delta")
HEADS = (
    "way", "sessions", "frames", "lost", "to the provider, median / p99 ms", "to the caller, median / p99 ms",
    "added both ways, median / p99 ms", "CPU s per session-minute", "others",
)  # fmt: skip
clock = time.perf_counter


@dataclass(frozen=True)
class Server:
    """One way to the provider: where to connect, with which key, and whose CPU counts."""

    name: str
    url: str
    key: str
    pid: int | None


@dataclass
class Taken:
    """What was measured of one server at one number of sessions, over all rounds; times in ms."""

    up: list[float] = field(default_factory=list)
    down: list[float] = field(default_factory=list)
    sent: int = 0
    cpu: list[float] = field(default_factory=list)
    foreign: float = 0.0
    """The most that others used in one run, in percent of a core."""

    def add(self, run: Taken) -> None:
        """Add another run."""
        self.up += run.up
        self.down += run.down
        self.sent += run.sent
        self.cpu += run.cpu
        self.foreign = max(self.foreign, run.foreign)

    @property
    def both(self) -> list[float]:
        """Both ways of each frame together."""
        return [up + down for up, down in zip(self.up, self.down, strict=True)]

    def take(self, pcm: bytes, got: float, since: float) -> None:
        """Take the frames of one delta that were sent after ``since``."""
        for at in range(0, len(pcm) - STAMP.size + 1, FRAME_BYTES):
            magic, _, sent, heard, told = STAMP.unpack_from(pcm, at)
            if magic == MAGIC and sent >= since:
                self.up.append((heard - sent) * 1000)
                self.down.append((got - told) * 1000)


class Caller:
    """One session: connects, waits until the provider is there, then speaks and listens."""

    def __init__(self, http: aiohttp.ClientSession, server: Server, taken: Taken) -> None:
        self._http, self._server, self._taken = http, server, taken
        self._since = float("inf")

    async def run(self, begin: asyncio.Future[float], ready: asyncio.Semaphore, place: float, seconds: float) -> None:
        """Speak for ``WARM_S`` and ``seconds``, from ``begin`` and its own ``place`` in the 20 ms on."""
        headers = {"Authorization": f"Bearer {self._server.key}"}
        async with self._http.ws_connect(self._server.url, headers=headers, max_msg_size=1 << 24) as wire:
            while json.loads((await wire.receive(READY_S)).data)["type"] != "session.created":
                pass
            ready.release()
            start = await begin + place
            self._since = start + WARM_S
            async with asyncio.TaskGroup() as tasks:
                listening = tasks.create_task(self._listen(wire))
                await self._speak(wire, start, seconds)
                await asyncio.sleep(DRAIN_S)
                listening.cancel()

    async def _speak(self, wire: aiohttp.ClientWebSocketResponse, start: float, seconds: float) -> None:
        for number in range(int((WARM_S + seconds) / FRAME_S)):
            await asyncio.sleep(max(0.0, start + number * FRAME_S - clock()))
            sent = clock()
            self._taken.sent += sent >= self._since
            pcm = STAMP.pack(MAGIC, number, sent, 0.0, 0.0) + bytes(FRAME_BYTES - STAMP.size)
            await wire.send_str(f'{{"type":"input_audio_buffer.append","audio":"{base64.b64encode(pcm).decode()}"}}')

    async def _listen(self, wire: aiohttp.ClientWebSocketResponse) -> None:
        async for message in wire:
            got, event = clock(), json.loads(message.data)
            if event["type"] in DELTAS:
                self._taken.take(base64.b64decode(event["delta"]), got, self._since)


async def measure(server: Server, sessions: int, seconds: float) -> Taken:
    """Run so many sessions and return what they took: the frames' times, and the CPU seconds of a session-minute."""
    taken = Taken()
    begin: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    ready = asyncio.Semaphore(0)
    async with aiohttp.ClientSession() as http, asyncio.TaskGroup() as tasks:
        for index in range(sessions):
            tasks.create_task(Caller(http, server, taken).run(begin, ready, FRAME_S * index / sessions, seconds))
        async with asyncio.timeout(READY_S):
            for _ in range(sessions):
                await ready.acquire()
        begin.set_result(clock() + 0.1)
        await asyncio.sleep(0.1 + WARM_S)
        foreign, before, since = quiet.Foreign(), _cpu(server.pid), clock()
        await asyncio.sleep(seconds - 0.1)
        taken.cpu.append((_cpu(server.pid) - before) / (sessions * (clock() - since) / 60))
        taken.foreign = foreign.pct()
    return taken


async def undisturbed(server: Server, sessions: int, seconds: float) -> Taken:
    """Measure until the machine was quiet meanwhile, ``quiet.TRIES`` times at most."""
    for _ in range(quiet.TRIES):
        taken = await measure(server, sessions, seconds)
        if taken.foreign <= quiet.MOST_PCT:
            break
        print(f"{server.name}, {sessions}: others used {taken.foreign:.0f} % of a core", file=sys.stderr)
    return taken


def _cpu(pid: int | None) -> float:
    if pid is None:
        return 0.0
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return sum(sum(each.cpu_times()[:2]) for each in family)


@contextlib.contextmanager
def _on(core: int | None) -> Iterator[None]:
    """Start what is started inside on this core: a process, and all threads that it makes, keep it."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.asynccontextmanager
async def contestants(*, peer: bool) -> AsyncIterator[list[Server]]:
    """Start the provider, this server and, if asked for, LiteLLM's proxy; each server alone on the first core."""
    command = ENVIRONMENT.command("litellm") if peer else None
    provider = free_port()
    told = {"url": f"ws://127.0.0.1:{provider}/v1/realtime", "key": "k", "model": "lean"}
    models = {"lean": {"bridge": "openai", "provider": told}}
    servers, callers = cores() or (None, None)
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(_on(callers))
        await stack.enter_async_context(lean_provider(provider))
        with _on(servers):
            ours = await stack.enter_async_context(voice_server({"models": models, "default_model": "lean"}))
            running = [
                Server("straight to the provider", f"http://127.0.0.1:{provider}/v1/realtime", "k", None),
                Server("this server", f"{ours.url}/v1/realtime?model=lean", "sk-local", ours.pid),
            ]
            if command is not None:
                port, pid = await stack.enter_async_context(litellm(command, provider))
                url = f"http://127.0.0.1:{port}/v1/realtime?model=lean"
                running.append(Server(f"LiteLLM proxy {VERSION}", url, KEY, pid))
        yield running


def percentile(values: Sequence[float], part: float) -> float:
    """Return a percentile, NaN of nothing."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] if values else float("nan")


def row(server: Server, sessions: int, taken: Taken, floor: Taken) -> list[str]:
    """Return the line of a table; what is added is over the floor of the same run."""
    straight = server.pid is None
    added = [percentile(taken.both, part) - percentile(floor.both, part) for part in (0.5, 0.99)]
    return [
        server.name,
        str(sessions),
        str(len(taken.up)),
        f"{100 * (1 - len(taken.up) / max(1, taken.sent)):.1f} %",
        *(f"{percentile(way, 0.5):.2f} / {percentile(way, 0.99):.2f}" for way in (taken.up, taken.down)),
        "" if straight else f"{added[0]:+.2f} / {added[1]:+.2f}",
        "" if straight else f"{statistics.median(taken.cpu):.2f}",
        f"{taken.foreign:.0f} %",
    ]


async def run(sessions: Sequence[int], rounds: int, seconds: float, *, peer: bool) -> list[list[str]]:
    """Measure all in turn and return the lines of the table."""
    async with contestants(peer=peer) as servers:
        taken = {(each.name, count): Taken() for count in sessions for each in servers}
        for number in range(rounds):
            for count in sessions:
                for index in range(len(servers)):  # another one is first in each round
                    each = servers[(index + number) % len(servers)]
                    taken[each.name, count].add(await undisturbed(each, count, seconds))
    floor = servers[0].name
    return [row(each, n, taken[each.name, n], taken[floor, n]) for n in sessions for each in servers]


def main() -> None:
    """Measure and print."""
    end_what_was_started()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.relay", description=__doc__)
    parser.add_argument("--sessions", default="1,10", help="how many at once, e.g. 1,10")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8.0, help="measured seconds of each run")
    parser.add_argument("--alone", action="store_true", help="without LiteLLM's proxy, which is installed otherwise")
    args = parser.parse_args()
    counts = [int(each) for each in args.sessions.split(",")]
    try:
        rows = asyncio.run(run(counts, args.rounds, args.seconds, peer=not args.alone))
    except subprocess.SubprocessError as failure:
        sys.exit(f"LiteLLM's proxy could not be installed ({failure}); --alone measures without it")
    print(circumstances())
    print(table(HEADS, rows))


if __name__ == "__main__":
    main()
