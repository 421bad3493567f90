"""What we add between a caller over WebRTC and a realtime provider, inside the server: ``python -m benchmarks.overhead``.

The real server runs in this process, on the event loop that it is served on, with time stamps around its own methods; a lean
provider and the callers (our lean WebRTC generator) run in processes of their own on the other core. Measured per frame of
20 ms, in microseconds of wall time, with 1 and 20 calls that all speak and are answered all the time; connecting and the
first two seconds are left out:

* ``RTP read → provider written``: from the wake-up of the media socket to the return of the write on the provider's socket.
  It holds the datagrams of other calls that were read in the same wake-up; ``of it, its own`` begins at the datagram itself;
* ``delta read → RTP sent``: from the provider's bytes in the socket's callback to the return of the tick that put the
  packet with the delta's first sample on the media socket. Of it, ``to the queue`` and ``tick → sent`` are our work; what is
  left is ``waiting to be played``: the clock of 20 ms, and sound of before that is still to be played. ``without the wait``
  is the whole less that.

Not in it: what the kernel holds back before the wake-up. Below it the cost of JSON and base64 per frame, beside the bare
library calls in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import statistics
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from benchmarks import quiet
from benchmarks.ending import end_what_was_started
from benchmarks.generator import BUSY
from benchmarks.peers.lean_realtime import lean_provider
from benchmarks.servers import circumstances, cores, table
from bridges.link import Link
from bridges.openai.codec import OpenAICodec
from bridges.options import OpenAI
from mediaserver.bridge import Opening
from mediaserver.config import Config, Media, Model
from mediaserver.rtc.peer import Peer
from mediaserver.rtc.port import MediaPort
from mediaserver.settings import Settings
from signaling.app import build
from signaling.serve import _loop_factory
from tests.servers.voice_server import free_port

CALLS = (1, 20)
SETTLE_S, CONNECT_S = 2.0, 60.0
QUEUED = 1000
"""Deltas of one call remembered until they are played, 20 s of them."""
FRAME = bytes(range(256)) * 3 + bytes(192)
ROUNDS, FRAMES = 7, 2000
PAIR = cores()
"""Asked once, before this process is bound to its own."""
clock = time.perf_counter

UP, UP_OWN = "RTP read → provider written", "of it, its own"
DOWN, QUEUE, WAIT = "delta read → RTP sent", "of it, to the queue", "of it, waiting to be played"
TICK, DOWN_OWN = "of it, tick → sent", "without the wait"


class Loudspeaker:
    """The deltas of one call that were not played yet: where each began in the sound, when it was read and queued."""

    def __init__(self) -> None:
        self.pushed = 0
        self.waiting: deque[tuple[int, float, float]] = deque(maxlen=QUEUED)

    def push(self, size: int, read: float, queued: float) -> None:
        """Remember a delta."""
        self.waiting.append((self.pushed, read, queued))
        self.pushed += size

    def played(self, left: int) -> list[tuple[float, float]]:
        """Return when each delta was read and queued of which the first sample is among the ``left`` bytes that are out."""
        out = []
        while self.waiting and self.waiting[0][0] < left:
            out.append(self.waiting.popleft()[1:])
        return out


class Seams:
    """Time stamps at the edges of the server: a wrapper around each method, nothing else changes.

    ``on_the_clock`` counts frames to the provider that no datagram brought: the filling of gaps, which is no relaying.
    """

    def __init__(self) -> None:
        self.taken: dict[str, list[float]] = {name: [] for name in (UP, UP_OWN, DOWN, QUEUE, WAIT, TICK, DOWN_OWN)}
        self.calls: dict[Peer, Loudspeaker] = {}
        self.on_the_clock = 0
        self.cpu_pct = 0.0
        self.measuring = False
        self._woken = self._delta = 0.0
        self._datagram: float | None = None

    def begin(self) -> None:
        """Forget what was taken and measure."""
        for taken in self.taken.values():
            taken.clear()
        self.on_the_clock, self.measuring = 0, True

    def install(self) -> None:
        """Put them in, once."""
        for owner, name, around in (
            (MediaPort, "_readable", self._wake),
            (Peer, "datagram", self._arrive),
            (Link, "send", self._write),
            (Link, "data_received", self._read),
            (Peer, "play", self._play),
            (Peer, "_tick", self._tick),
        ):
            setattr(owner, name, _wrapped(getattr(owner, name), around))

    # --- the caller's way ---------------------------------------------------------------------------------------------

    def _wake(self, original: Callable[..., Any], port: MediaPort, *args: Any) -> None:
        self._woken = clock()
        original(port, *args)

    def _arrive(self, original: Callable[..., Any], peer: Peer, *args: Any) -> None:
        self._datagram = clock()
        try:
            original(peer, *args)
        finally:
            self._datagram = None

    def _write(self, original: Callable[..., Any], link: Link, message: str | bytes, *, sound: bool = False) -> None:
        original(link, message, sound=sound)
        if not (sound and self.measuring):
            return
        if self._datagram is None:
            self.on_the_clock += 1
            return
        now = clock()
        self._take(UP, now - self._woken)
        self._take(UP_OWN, now - self._datagram)

    # --- the provider's way -------------------------------------------------------------------------------------------

    def _read(self, original: Callable[..., Any], link: Link, data: bytes) -> None:
        self._delta = clock()
        original(link, data)

    def _play(self, original: Callable[..., Any], peer: Peer, item_id: str, pcm: bytes) -> None:
        original(peer, item_id, pcm)
        self.calls.setdefault(peer, Loudspeaker()).push(len(pcm), self._delta, clock())

    def _tick(self, original: Callable[..., Any], peer: Peer, *when: float) -> None:
        began = clock()
        original(peer, *when)
        ended = clock()
        speaker = self.calls.get(peer)
        if speaker is None or peer._sound is None:
            return
        for read, queued in speaker.played(speaker.pushed - peer._sound.playout._queued):
            if self.measuring:
                self._take(DOWN, ended - read)
                self._take(QUEUE, queued - read)
                self._take(WAIT, began - queued)
                self._take(TICK, ended - began)
                self._take(DOWN_OWN, queued - read + ended - began)

    def _take(self, what: str, seconds: float) -> None:
        self.taken[what].append(seconds * 1e6)


def _wrapped(original: Callable[..., Any], around: Callable[..., Any]) -> Callable[..., Any]:
    def measured(this: Any, *args: Any, **more: Any) -> Any:
        return around(original, this, *args, **more)

    return measured


@asynccontextmanager
async def serving() -> AsyncIterator[str]:
    """Run the server here and the lean provider beside it; give the server's address."""
    port = free_port()
    provider = {"url": f"ws://127.0.0.1:{port}/v1/realtime", "key": "k", "model": "lean"}
    models = {"lean": Model(bridge="openai", provider=provider)}
    config = Config(media=Media(port=0, addresses=("127.0.0.1",)), models=models, default_model="lean")
    runner = web.AppRunner(build(config), access_log=None, handle_signals=False, shutdown_timeout=1.0)
    async with lean_provider(port) as pid:
        if PAIR:
            os.sched_setaffinity(pid, {PAIR[1]})
        try:
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


async def call(url: str, calls: int, seconds: float, seams: Seams) -> float:
    """Have so many callers speak and listen, and measure while all of them do; return what others used meanwhile.

    Raises TimeoutError.
    """
    seams.calls.clear()
    told = ["--model", "lean", "--calls", str(calls), "--seconds", str(seconds + SETTLE_S)]
    if PAIR:
        told += ["--core", str(PAIR[1])]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.generator", url, *told, stdout=asyncio.subprocess.DEVNULL
    )
    async with asyncio.timeout(CONNECT_S):
        while len(seams.calls) < calls:  # noqa: ASYNC110 - nothing may be added to what is measured
            await asyncio.sleep(0.1)
    await asyncio.sleep(SETTLE_S)
    seams.begin()
    foreign, used, began = quiet.Foreign(), time.process_time(), clock()
    await asyncio.sleep(seconds)
    seams.cpu_pct = 100 * (time.process_time() - used) / (clock() - began)
    seams.measuring = False
    others = foreign.pct()
    async with asyncio.timeout(CONNECT_S):
        await process.wait()
    return others


async def undisturbed(url: str, calls: int, seconds: float, seams: Seams, tries: int) -> float:
    """Measure until the machine was quiet meanwhile, so many times at most; the last one counts."""
    for _ in range(tries):
        others = await call(url, calls, seconds, seams)
        if others <= quiet.MOST_PCT:
            break
        print(f"{calls} calls: others used {others:.0f} % of a core", file=sys.stderr)
    return others


def best(work: Callable[[], object]) -> float:
    """Return µs per frame of the best round."""
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(FRAMES):
            work()
        times.append(time.process_time() - start)
    return min(times) / FRAMES * 1e6


def json_costs() -> list[tuple[str, float, float]]:
    """Return what a frame's text costs each way, beside the bare library calls."""
    codec = OpenAICodec(OpenAI(key="k"))
    codec.open(Opening(Settings("lean")))
    session = {"type": "realtime", "id": "s", "object": "realtime.session"}
    codec.receive(json.dumps({"type": "session.created", "event_id": "e", "session": session}))
    codec.receive(json.dumps({"type": "session.updated", "event_id": "e", "session": session}))
    response = {"id": "resp_1", "object": "realtime.response", "status": "in_progress", "output": []}
    codec.receive(json.dumps({"type": "response.created", "event_id": "e", "response": response}))
    place = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}
    delta = json.dumps(
        {"type": "response.output_audio.delta", "event_id": "e", **place, "delta": base64.b64encode(FRAME).decode()}
    )

    def plain_out() -> str:
        return json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(FRAME).decode()})

    def plain_in() -> bytes:
        return base64.b64decode(json.loads(delta)["delta"])

    return [
        ("append: frame to text", best(lambda: codec.hear(FRAME)), best(plain_out)),
        ("delta: text to frame", best(lambda: codec.receive(delta)), best(plain_in)),
    ]


def lines(seams: Seams, calls: int) -> list[list[str]]:
    """Return what was taken as lines of a table."""
    rows = []
    for what, taken in seams.taken.items():
        figures = sorted(taken) or [float("nan")]
        p99 = figures[min(len(figures) - 1, int(len(figures) * 0.99))]
        rows.append([what, str(calls), str(len(taken)), f"{statistics.median(figures):.0f}", f"{p99:.0f}"])
    rows.append(["% of a core, all of the server", str(calls), "", f"{seams.cpu_pct:.0f}", ""])
    return rows


async def run(counts: tuple[int, ...], seconds: float, tries: int) -> list[list[str]]:
    """Measure each number of calls and return the lines of the table."""
    seams, rows = Seams(), []
    seams.install()
    async with serving() as url:
        for calls in counts:
            others = await undisturbed(url, calls, seconds, seams, tries)
            rows += lines(seams, calls)
            rows.append(["% of a core, others", str(calls), "", f"{others:.0f}", ""])
            if seams.cpu_pct > 100 * BUSY:
                print(f"{calls} calls: {seams.cpu_pct:.0f} % of the core were used: it is too slow", file=sys.stderr)
            if seams.on_the_clock:
                print(f"{calls} calls: {seams.on_the_clock} frames filled gaps and are not counted", file=sys.stderr)
    return rows


def main() -> None:
    """Measure and print."""
    end_what_was_started()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overhead", description=__doc__)
    parser.add_argument("--calls", default=",".join(map(str, CALLS)), help="how many at once, e.g. 1,20")
    parser.add_argument("--seconds", type=float, default=10.0, help="measured seconds of each run")
    parser.add_argument("--tries", type=int, default=quiet.TRIES, help="how often a disturbed run is made at most")
    args = parser.parse_args()
    where = circumstances()
    if PAIR:
        os.sched_setaffinity(0, {PAIR[0]})  # before any thread is made
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        rows = runner.run(run(tuple(int(each) for each in args.calls.split(",")), args.seconds, args.tries))
    print(where)
    print(table(("per frame", "calls", "frames", "median µs", "p99 µs"), rows))
    costs = [[what, f"{ours:.1f}", f"{plain:.1f}", f"x{ours / plain:.2f}"] for what, ours, plain in json_costs()]
    print(table(("JSON and base64 of 20 ms", "ours µs", "json + base64 µs", "ratio"), costs))


if __name__ == "__main__":
    main()
