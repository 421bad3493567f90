"""OpenAI's SDK for Node over the server's own TLS: only the URL is changed, and the certificate is trusted."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from mediaserver.audio.resample import Resampler
from tests import clips
from tests.conformance.backends import ASKED, BACKENDS, LONG, backends, hung_up
from tests.conformance.openai_types import check_event
from tests.conformance.packages import installed
from tests.servers.voice_server import ROOT, VoiceServer

PROGRAM = Path(__file__).parent / "openai_node" / "client.mjs"
PACKAGES = ROOT / "examples" / "node"
LIMIT_S = 90.0
SOCKETS = ("OpenAIRealtimeWS", "OpenAIRealtimeWebSocket")

pytestmark = [pytest.mark.engines, pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """The program, the packages that the examples name, and a recorded question at the contract's rate."""
    place = installed(tmp_path_factory.mktemp("openai_node"), PACKAGES / "package-lock.json", pytestconfig)
    shutil.copy(PROGRAM, place)
    spoken = Resampler(clips.RATE, 24000).feed(clips.clip("goforward").pcm)
    (place / "question.pcm").write_bytes(spoken + bytes(48000 * 2))
    return place


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(folder: Path) -> AsyncIterator[VoiceServer]:
    tls = {"mode": "self-signed", "directory": str(folder / "tls")}
    async with backends({"server": {"tls": tls}}) as running:
        yield running


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def _hung_up(server: VoiceServer) -> AsyncIterator[None]:
    async with hung_up():
        yield


async def node(folder: Path, *words: str, **environ: str) -> tuple[int, str, str]:
    """Run the program; returns its exit code and what it printed. Node has no WebSocket of its own before version 22."""
    process = await asyncio.create_subprocess_exec(
        "node", "--experimental-websocket", "client.mjs", *words, cwd=folder, env=os.environ | environ,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(LIMIT_S):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize("model", BACKENDS)
@pytest.mark.parametrize("socket", SOCKETS)
async def test_speaks_calls_a_tool_and_is_cut_short(server: VoiceServer, folder: Path, socket: str, model: str) -> None:
    words = (socket, f"{server.url}/v1", model, "question.pcm", ASKED[model], LONG)
    code, out, err = await node(folder, *words, NODE_EXTRA_CA_CERTS=str(folder / "tls" / "mediaserver.crt"))
    assert code == 0, err
    told = json.loads(out)
    assert (told["model"], told["tools"]) == (model, ["get_weather"])
    assert told["heard"] and told["retrieved"] == told["heard"]
    assert told["answer"] == "completed"
    name, arguments = told["called"]
    assert name == "get_weather" and arguments["city"]
    assert "sunny" in told["said"]
    assert (told["cancelled"], told["truncated"]) == ("cancelled", 100)
    assert told["sound_ms"] > 500
    for event in told["events"]:
        check_event(event)


async def test_does_not_speak_to_a_stranger(server: VoiceServer, folder: Path) -> None:
    """Without the certificate the SDK refuses the server: it is this server's TLS that the others went through."""
    code, _, err = await node(folder, "OpenAIRealtimeWS", f"{server.url}/v1", "local", "question.pcm", "", "")
    assert code == 1 and "self-signed certificate" in err
