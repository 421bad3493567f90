"""The server with workers as a child process: what it prints, what it refuses, how it stops."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mediaserver.config import Config, Media
from mediaserver.errors import ConfigError
from signaling.supervise import supervise
from tests.signaling.test_serve import LIMIT_S, refused, start


def written(tmp_path: Path, **server: Any) -> str:
    media: dict[str, Any] = {"port": 0, "addresses": ["127.0.0.1"]}
    tree = {
        "server": {"port": 0, "workers": 2} | server,
        "media": media,
        "models": {"echo": {"bridge": "echo"}},
        "default_model": "echo",
    }
    (tmp_path / "c.yaml").write_text(json.dumps(tree))
    return str(tmp_path / "c.yaml")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_two_workers_show_one_face_and_stop_together(tmp_path: Path, number: signal.Signals) -> None:
    process = await start("serve", "--config", written(tmp_path), "--tls", "self-signed")
    async with asyncio.timeout(LIMIT_S):
        assert process.stdout is not None
        printed = (await process.stdout.readuntil(b"Ctrl-C\n")).decode()
        assert "Workers 2" in printed and re.search(r"UDP ports \d+(-|, )\d+ on 127", printed)
        url = re.search(r"Open +(https://localhost:\d+)", printed)
        shown = re.search(r"fingerprint ([0-9A-F:]{95})", printed)
        assert url is not None and shown is not None
        pin, met = aiohttp.Fingerprint(bytes.fromhex(shown[1].replace(":", ""))), set()
        while len(met) < 2:
            async with aiohttp.ClientSession() as client, client.get(f"{url[1]}/readyz", ssl=pin) as answer:
                met.add((await answer.json())["worker"])
        code, said = await refused(["serve", "--config", written(tmp_path), "--port", url[1].rpartition(":")[2]])
        assert code == 1 and "in use" in said and "Traceback" not in said
        process.send_signal(number)
        _, logged = await process.communicate()
        assert process.returncode == 0 and b"error" not in logged and met == {0, 1}


async def test_workers_that_cannot_start_are_not_started_again(tmp_path: Path) -> None:
    file = written(tmp_path)
    tree = json.loads(Path(file).read_text()) | {"models": {"echo": {"bridge": "nonsense"}}}
    Path(file).write_text(json.dumps(tree))
    code, said = await refused(["serve", "--config", file])
    assert code == 2 and "models.echo" in said and said.count("Traceback") == 0


async def test_there_must_be_a_media_port_for_each() -> None:
    with pytest.raises(ConfigError, match=r"media\.port"):
        await supervise(Config(media=Media(port=65535)), None, 2, ())


async def test_a_worker_is_not_started_by_hand() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mediaserver", "serve", "--worker", "0"),
        stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(LIMIT_S):
        _, said = await process.communicate()
    assert process.returncode == 2 and b"a worker is started by the server" in said
