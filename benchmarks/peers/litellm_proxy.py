"""LiteLLM's proxy as a peer: installed into an environment of its own, run with its smallest realtime configuration.

The version is pinned, for releases of this package have carried malware more than once (1.82.7 and 1.82.8 in March 2026;
1.107 is no longer offered).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from benchmarks.peers.environment import Environment, variables
from tests.servers.voice_server import free_port

VERSION = "1.106.12"
ENVIRONMENT = Environment(f"litellm-{VERSION}", (f"litellm[proxy]=={VERSION}",))
KEY = "sk-bench"
START_S = 120.0


def configuration(provider: int) -> dict[str, object]:
    """Return the smallest one: one realtime model at a port of this machine, one key, no database."""
    told = {"model": "openai/gpt-realtime", "api_base": f"http://127.0.0.1:{provider}", "api_key": "k"}
    return {
        "model_list": [{"model_name": "lean", "litellm_params": told, "model_info": {"mode": "realtime"}}],
        "general_settings": {"master_key": KEY},
    }


@contextlib.asynccontextmanager
async def litellm(command: Path, provider: int) -> AsyncIterator[tuple[int, int]]:
    """Run the proxy in front of the provider's port; give its own port and process id. Raises TimeoutError."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "config.yaml")
        file.write_text(json.dumps(configuration(provider)))  # noqa: ASYNC240 - before anything is measured
        process = await asyncio.create_subprocess_exec(
            str(command), "--config", str(file), "--host", "127.0.0.1", "--port", str(port),
            cwd=folder, env=_environment(folder), stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            await _until_open(port, process)
            yield port, process.pid
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


def _environment(folder: str) -> dict[str, str]:
    # the table of prices that it brings along, instead of one fetched from the network at every start
    return {**variables(folder), "LITELLM_LOCAL_MODEL_COST_MAP": "True"}


async def _until_open(port: int, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(START_S):
        while True:
            if process.returncode is not None:
                raise RuntimeError(f"LiteLLM's proxy ended with {process.returncode}")
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.1)
