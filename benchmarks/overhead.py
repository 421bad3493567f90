"""What we add between a caller and a realtime provider, inside the server: ``python -m benchmarks.overhead``.

The real server runs in this process, with time stamps at its two seams; a lean provider and the callers (our lean WebRTC
generator) run in processes of their own. Measured, per frame of 20 ms, in microseconds of wall time at 1 and 20 calls:

* ``RTP read -> provider written``: from the wake-up that read the datagram to the write on the provider's socket;
* ``delta read -> queued``: from the provider's bytes to the loudspeaker's queue, whose clock pulls every 20 ms;
* ``tick -> RTP sent``: a call's share of the 20 ms tick, to the packet on the socket: playout, Opus, SRTP.

Below it the cost of JSON and base64 per frame, beside the bare library calls in the same run.
"""

from __future__ import annotations

import asyncio
import base64
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from benchmarks.servers import circumstances, table
from bridges.link import Link
from bridges.openai.codec import OpenAICodec
from bridges.options import OpenAI
from mediaserver.bridge import Opening
from mediaserver.config import Config, Media, Model
from mediaserver.rtc.peer import Peer
from mediaserver.rtc.port import MediaPort
from mediaserver.settings import Settings
from signaling.app import build
from tests.servers.voice_server import free_port

SECONDS = 10.0
CALLS = (1, 20)
FRAME = bytes(range(256)) * 3 + bytes(192)
ROUNDS, FRAMES = 7, 2000
clock = time.perf_counter


class Seams:
    """Time stamps at the edges of the server: a wrapper around each method, nothing else changes."""

    def __init__(self) -> None:
        self.taken: dict[str, list[float]] = {
            "RTP read -> provider written": [],
            "delta read -> queued": [],
            "tick -> RTP sent": [],
        }
        self._read = self._delta = self._tick = 0.0

    def stamp(self, owner: type, name: str, field: str) -> None:
        """Remember when this method began."""
        original = getattr(owner, name)

        def stamped(this: Any, *args: Any, **more: Any) -> Any:
            setattr(self, field, clock())
            return original(this, *args, **more)

        setattr(owner, name, stamped)

    def measure(self, owner: type, name: str, field: str, what: str, counts: Callable[..., bool]) -> None:
        """Take the time since the stamp when this method has returned."""
        original = getattr(owner, name)

        def measured(this: Any, *args: Any, **more: Any) -> Any:
            result = original(this, *args, **more)
            if counts(*args, **more):
                self.taken[what].append((clock() - getattr(self, field)) * 1e6)
            return result

        setattr(owner, name, measured)

    def install(self) -> None:
        """Put them in, once."""
        self.stamp(MediaPort, "_readable", "_read")
        self.stamp(Link, "data_received", "_delta")
        self.stamp(Peer, "_tick", "_tick")
        self.measure(Link, "send", "_read", "RTP read -> provider written", lambda *_, sound=False: sound)
        self.measure(Peer, "play", "_delta", "delta read -> queued", lambda *_: True)
        self.measure(Peer, "_tick", "_tick", "tick -> RTP sent", lambda *_: True)


@asynccontextmanager
async def serving() -> AsyncIterator[str]:
    """Run the server here and the lean provider beside it; give the server's address."""
    port = free_port()
    provider = await asyncio.create_subprocess_exec(sys.executable, "-m", "benchmarks.peers.lean_realtime", str(port))
    models = {
        "lean": Model(
            bridge="openai", provider={"url": f"ws://127.0.0.1:{port}/v1/realtime", "key": "k", "model": "lean"}
        )
    }
    config = Config(media=Media(port=0, addresses=("127.0.0.1",)), models=models, default_model="lean")
    runner = web.AppRunner(build(config), access_log=None, handle_signals=False, shutdown_timeout=1.0)
    try:
        await asyncio.sleep(1.0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
        provider.terminate()
        await provider.wait()


async def call(url: str, calls: int) -> None:
    """Have so many callers speak and listen."""
    told = ("--model", "lean", "--calls", str(calls), "--seconds", str(SECONDS))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.generator", url, *told, stdout=asyncio.subprocess.DEVNULL
    )
    async with asyncio.timeout(SECONDS * 6):
        await process.wait()


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


async def main() -> None:
    """Measure and print."""
    seams, rows = Seams(), []
    seams.install()
    async with serving() as url:
        for calls in CALLS:
            for taken in seams.taken.values():
                taken.clear()
            await call(url, calls)
            for what, taken in seams.taken.items():
                figures = sorted(taken) or [0.0]
                p99 = figures[min(len(figures) - 1, int(len(figures) * 0.99))]
                rows.append([what, str(calls), str(len(taken)), f"{statistics.median(figures):.0f}", f"{p99:.0f}"])
    print(circumstances())
    print(table(("per frame", "calls", "frames", "median µs", "p99 µs"), rows))
    costs = [[what, f"{ours:.1f}", f"{plain:.1f}", f"x{ours / plain:.2f}"] for what, ours, plain in json_costs()]
    print(table(("JSON and base64 of 20 ms", "ours µs", "json + base64 µs", "ratio"), costs))


if __name__ == "__main__":
    asyncio.run(main())
