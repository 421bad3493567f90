"""The server as a child process: what it prints, how it stops."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from mediaserver import config as configuration
from signaling import serve

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 40.0


@asynccontextmanager
async def running(file: Path, *arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Start the server with the echo only; gives the process and what it printed until it was ready."""
    file.write_text(
        json.dumps(
            {
                "server": {"port": 0},
                "media": {"port": 0, "addresses": ["127.0.0.1"]},
                "models": {"echo": {"bridge": "echo"}},
                "default_model": "echo",
            }
        )
    )
    process = await start("serve", "--config", str(file), *arguments)
    try:
        async with asyncio.timeout(LIMIT_S):
            assert process.stdout is not None
            printed = (await process.stdout.readuntil(b"Ctrl-C\n")).decode()
        yield process, printed
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def start(*arguments: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mediaserver", *arguments, cwd=ROOT, stdout=pipe, stderr=pipe
    )


async def refused(arguments: Sequence[str]) -> tuple[int | None, str]:
    process = await start(*arguments)
    async with asyncio.timeout(LIMIT_S):
        _, said = await process.communicate()
    return process.returncode, said.decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_says_where_to_go_and_stops_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    async with running(tmp_path / "c.yaml") as (process, printed):
        url = re.search(r"Open +(http://localhost:\d+)", printed)
        assert url is not None and "sk-local" in printed and "UDP port" in printed
        async with aiohttp.ClientSession() as client, client.get(f"{url[1]}/readyz") as answer:
            assert answer.status == 200
        process.send_signal(number)
        async with asyncio.timeout(LIMIT_S):
            assert await process.wait() == 0


async def test_self_signed_tls_prints_the_fingerprint_that_it_shows(tmp_path: Path) -> None:
    async with running(tmp_path / "c.yaml", "--tls", "self-signed") as (_, printed):
        url = re.search(r"Open +(https://localhost:\d+)", printed)
        shown = re.search(r"fingerprint ([0-9A-F:]{95})", printed)
        assert url is not None and shown is not None
        pin = aiohttp.Fingerprint(bytes.fromhex(shown[1].replace(":", "")))
        async with aiohttp.ClientSession() as client, client.get(f"{url[1]}/healthz", ssl=pin) as answer:
            assert answer.status == 200 and "Strict-Transport-Security" in answer.headers
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await client.get(f"{url[1]}/healthz", ssl=ssl.create_default_context())


async def test_refuses_a_bad_configuration_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("server: {prot: 1}")
    code, said = await refused(["serve", "--config", str(tmp_path / "c.yaml")])
    assert code == 2 and "server.prot" in said and "Traceback" not in said


async def test_a_taken_port_is_named(tmp_path: Path) -> None:
    async with running(tmp_path / "c.yaml") as (_, printed):
        port = re.search(r"localhost:(\d+)", printed)
        assert port is not None
        code, said = await refused(["serve", "--config", str(tmp_path / "c.yaml"), "--port", port[1]])
    assert code == 1 and "in use" in said and "Traceback" not in said


def test_arguments_change_the_configuration() -> None:
    import argparse

    parser = argparse.ArgumentParser()
    serve.add_arguments(parser)
    args = parser.parse_args(["--host", "::", "--port", "9", "--tls", "self-signed"])
    config = serve._with_arguments(configuration.Config(), args)
    assert (config.server.host, config.server.port, config.server.tls.mode) == ("::", 9, "self-signed")
