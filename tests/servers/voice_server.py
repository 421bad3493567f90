"""The real server as a user starts it: a child process on free ports, ready when /readyz says so."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
START_S = 40.0
STOP_S = 15.0


@dataclass(frozen=True)
class VoiceServer:
    """A running server: where it is, its process id, and the file that holds its log."""

    url: str
    pid: int
    log: Path

    @property
    def calls(self) -> str:
        return f"{self.url}/v1/realtime/calls"


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Return a port that was free a moment ago."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _config(extra: Mapping[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = {
        "server": {"port": free_port()},
        "media": {"port": free_port(socket.SOCK_DGRAM)},
    }
    for section, values in extra.items():
        config[section] = {**config.get(section, {}), **values} if isinstance(values, Mapping) else values
    return config


def _status(url: str, certificate: Path | None) -> int:
    try:
        trusted = ssl.create_default_context(cafile=certificate) if certificate else None
        with urllib.request.urlopen(url, timeout=2, context=trusted) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code
    except OSError:
        return 0


async def _until_ready(url: str, certificate: Path | None, process: asyncio.subprocess.Process, log: Path) -> None:
    async with asyncio.timeout(START_S):
        while await asyncio.to_thread(_status, f"{url}/readyz", certificate) != 200:
            if process.returncode is not None:
                raise RuntimeError(f"the server ended with {process.returncode}:\n{log.read_text()[-4000:]}")
            await asyncio.sleep(0.05)


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_S)
    except TimeoutError:
        process.kill()
        await process.wait()


@contextlib.asynccontextmanager
async def voice_server(config: Mapping[str, Any] | None = None) -> AsyncIterator[VoiceServer]:
    """Run ``mediaserver serve`` with these sections of configuration over free ports, and stop it in the end.

    Where ``server.tls.directory`` is given the address is https, and what the server keeps there is the trusted certificate.
    """
    settings = _config(config or {})
    with tempfile.TemporaryDirectory() as folder:
        file, log = Path(folder, "config.yaml"), Path(folder, "server.log")
        file.write_text(json.dumps(settings))  # JSON is YAML
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "mediaserver", "serve", "--config", str(file),
                cwd=ROOT, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        kept = settings["server"].get("tls", {}).get("directory")
        certificate = Path(kept, "mediaserver.crt") if kept else None
        url = f"{'https' if kept else 'http'}://127.0.0.1:{settings['server']['port']}"
        try:
            await _until_ready(url, certificate, process, log)
            yield VoiceServer(url, process.pid, log)
        finally:
            await _stop(process)
