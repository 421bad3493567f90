"""How long a refusal takes over HTTP, at the client: median and 99th percentile in milliseconds; the promise is 10 ms.

Run ``python -m benchmarks.refusals``; it opens a server of its own on free ports.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Any

from aiohttp.test_utils import TestClient, TestServer

from mediaserver.config import Config, Media
from signaling.app import build

REPEAT = 100
KEY = {"Authorization": "Bearer sk-local"}
SDP = {"Content-Type": "application/sdp"}
HEAD = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
AUDIO = "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=rtpmap:0 PCMU/8000\r\n"
SECURE = "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\na=setup:actpass\r\na=mid:0\r\n"
CANDIDATE = "a=candidate:1 1 udp 1 192.0.2.1 {port} typ host\r\n"

CASES: dict[str, dict[str, Any]] = {
    "malformed SDP": {"data": "v=0"},
    "5000 candidates": {"data": HEAD + AUDIO + SECURE + "".join(CANDIDATE.format(port=n) for n in range(5000))},
    "1 MB of attributes": {"data": HEAD + "a=x\r\n" * 200_000},
    "200 m-lines": {"data": HEAD + AUDIO * 200},
    "a long line": {"data": HEAD + "a=" + "x" * 60_000},
    "wrong content type": {"data": "x", "headers": KEY | {"Content-Type": "text/plain"}},
    "unknown model": {"data": HEAD, "params": {"model": "none"}},
    "unsupported codec": {"data": HEAD + (AUDIO + SECURE).replace("PCMU", "SPEEX")},
    "unknown key": {"data": HEAD, "headers": SDP | {"Authorization": "Bearer nobody"}},
    "session with a typo": {"json": {"sdp": HEAD, "session": {"typo": 1}}, "headers": KEY},
}


async def main() -> None:
    """Measure every case and print a table."""
    app = build(Config(media=Media(port=0, addresses=("127.0.0.1",))))
    async with TestClient(TestServer(app)) as client:
        print(f"{'refusal':24} {'status':>6} {'p50 ms':>8} {'p99 ms':>8}")
        for name, request in CASES.items():
            request = {"headers": KEY | SDP} | request
            status, times = 0, []
            for _ in range(REPEAT):
                start = time.perf_counter()
                async with client.post("/v1/realtime/calls", **request) as answer:
                    await answer.read()
                times.append((time.perf_counter() - start) * 1000)
                status = answer.status
            print(f"{name:24} {status:6} {statistics.median(times):8.2f} {statistics.quantiles(times, n=100)[-1]:8.2f}")


if __name__ == "__main__":
    asyncio.run(main())
