"""The WebSocket path beside LiteLLM's realtime proxy: ``python -m benchmarks.relay [--litellm VENV/bin/litellm]``.

A caller says 20 ms of sound every 20 ms, each frame with its number in its first samples; a lean provider sends each back at
once. The round trip straight to the provider is the floor; what a server in between adds to it, both ways together, and the
CPU that it uses, are measured in the same run, one server after the other, at 1 and 10 sessions. LiteLLM is not installed
here: make an environment of its own (``pip install 'litellm[proxy]'``) and say where its command is.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import os
import statistics
import struct
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil

from benchmarks.servers import circumstances, table
from tests.servers.voice_server import free_port, voice_server

FRAME_S, FRAME_BYTES, SECONDS = 0.02, 960, 10.0
SESSIONS = (1, 10)
KEY = "sk-bench"


@dataclass(frozen=True)
class Server:
    """One way to the provider: where to connect, with which key, and whose CPU counts."""

    name: str
    url: str
    key: str
    pid: int | None


async def session(http: aiohttp.ClientSession, server: Server, trips: list[float]) -> None:
    """Speak for a while and keep every round trip, in ms."""
    sent: dict[int, float] = {}
    headers = {"Authorization": f"Bearer {server.key}"}
    async with http.ws_connect(server.url, headers=headers, max_msg_size=1 << 24) as wire, asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(_listen(wire, sent, trips))
        due = time.perf_counter()
        for number in range(1, int(SECONDS / FRAME_S)):
            due += FRAME_S
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            audio = base64.b64encode(struct.pack("<I", number) + bytes(FRAME_BYTES - 4)).decode()
            sent[number] = time.perf_counter()
            await wire.send_str(f'{{"type":"input_audio_buffer.append","audio":"{audio}"}}')
        await asyncio.sleep(1.0)
        reading.cancel()


async def _listen(wire: aiohttp.ClientWebSocketResponse, sent: dict[int, float], trips: list[float]) -> None:
    async for message in wire:
        event = json.loads(message.data)
        if event["type"] not in ("response.output_audio.delta", "response.audio.delta"):
            continue
        now, pcm = time.perf_counter(), base64.b64decode(event["delta"])
        for at in range(0, len(pcm) - 3, FRAME_BYTES):
            began = sent.pop(struct.unpack_from("<I", pcm, at)[0], None)
            if began is not None:
                trips.append((now - began) * 1000)


async def measure(server: Server, sessions: int) -> tuple[list[float], float]:
    """Return the round trips of so many sessions, and the CPU seconds that a session-minute cost."""
    trips: list[float] = []
    before = _cpu(server.pid)
    async with aiohttp.ClientSession() as http:
        await asyncio.gather(*(session(http, server, trips) for _ in range(sessions)))
    return trips, (_cpu(server.pid) - before) / (sessions * SECONDS / 60)


def _cpu(pid: int | None) -> float:
    if pid is None:
        return 0.0
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return sum(sum(each.cpu_times()[:2]) for each in family)


@contextlib.asynccontextmanager
async def process(*command: str, **environ: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a command beside us."""
    running = await asyncio.create_subprocess_exec(
        *command, env={**os.environ, **environ}, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield running
    finally:
        running.terminate()
        await running.wait()


@contextlib.asynccontextmanager
async def litellm(command: str, provider: int) -> AsyncIterator[Server]:
    """Run LiteLLM's proxy in front of the provider, with no database."""
    port = free_port()
    told = {"model": "openai/gpt-realtime", "api_base": f"http://127.0.0.1:{provider}", "api_key": "k"}
    config = {
        "model_list": [{"model_name": "lean", "litellm_params": told, "model_info": {"mode": "realtime"}}],
        "general_settings": {"master_key": KEY},
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "config.yaml")
        file.write_text(json.dumps(config))  # noqa: ASYNC240 - before anything is measured
        async with process(command, "--config", str(file), "--host", "127.0.0.1", "--port", str(port)) as running:
            await _until_open(port)
            yield Server("LiteLLM proxy", f"http://127.0.0.1:{port}/v1/realtime?model=lean", KEY, running.pid)


async def _until_open(port: int) -> None:
    for _ in range(1200):
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.1)
    raise TimeoutError("the server did not come up")


async def main(command: str | None) -> None:
    """Measure and print."""
    provider = free_port()
    lean = {
        "bridge": "openai",
        "provider": {"url": f"ws://127.0.0.1:{provider}/v1/realtime", "key": "k", "model": "lean"},
    }
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(process(sys.executable, "-m", "benchmarks.peers.lean_realtime", str(provider)))
        ours = await stack.enter_async_context(voice_server({"models": {"lean": lean}, "default_model": "lean"}))
        servers = [
            Server("straight to the provider", f"http://127.0.0.1:{provider}/v1/realtime", "k", None),
            Server("this server", f"{ours.url}/v1/realtime?model=lean", "sk-local", ours.pid),
        ]
        if command:
            servers.append(await stack.enter_async_context(litellm(command, provider)))
        rows = [row for sessions in SESSIONS for row in await _rows(servers, sessions)]
    print(circumstances())
    print(table(("way", "sessions", "frames", "median ms", "p99 ms", "added median", "CPU s / session-minute"), rows))


async def _rows(servers: list[Server], sessions: int) -> list[list[str]]:
    rows, floor = [], 0.0
    for server in servers:
        trips, cpu = await measure(server, sessions)
        figures = sorted(trips) or [float("nan")]
        median, p99 = statistics.median(figures), figures[int(len(figures) * 0.99)]
        floor = median if server.pid is None else floor
        used = "" if server.pid is None else f"{cpu:.2f}"
        figured = (f"{median:.2f}", f"{p99:.2f}", f"{median - floor:.2f}", used)
        rows.append([server.name, str(sessions), str(len(trips)), *figured])
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.relay", description=__doc__)
    parser.add_argument("--litellm", help="the litellm command of an environment of its own")
    asyncio.run(main(parser.parse_args().litellm))
