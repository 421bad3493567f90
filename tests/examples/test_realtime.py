"""The examples of docs/api/realtime.md do what they say, against the real server with its embedded model."""

import asyncio
import json
import os
import shutil
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import numpy as np
import pytest
import pytest_asyncio
import soxr

from tests import clips
from tests.conformance.backends import ASKED, BACKENDS, backends, hung_up
from tests.conformance.packages import installed
from tests.examples.program import EXAMPLES, load
from tests.servers.voice_server import VoiceServer, voice_server

ANSWERS_S = 90

pytestmark = [pytest.mark.engines, pytest.mark.timeout(240)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[VoiceServer]:
    async with backends() as running:
        yield running


def write(path: Path, pcm: bytes, rate: int) -> str:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(pcm)
    return str(path)


def question(rate: int) -> bytes:
    samples = np.frombuffer(clips.clip("goforward").pcm, np.int16)
    return soxr.resample(samples, clips.RATE, rate).astype(np.int16).tobytes()


def length_s(path: Path) -> float:
    with wave.open(str(path)) as file:
        return file.getnframes() / file.getframerate()


async def test_the_websocket_caller_is_understood_and_answered(server, tmp_path):
    asked = write(tmp_path / "question.wav", question(24000), 24000)
    understood, answered = await load("websocket_caller").call(f"{server.url}/v1", asked, str(tmp_path / "answer.wav"))
    assert "forward" in understood.lower() and answered
    assert length_s(tmp_path / "answer.wav") > 0.5


async def test_the_plain_caller_needs_no_more_than_a_socket(server, tmp_path):
    asked = write(tmp_path / "question.wav", clips.clip("goforward").pcm, clips.RATE)
    told = await load("pcm_caller").call(server.url, asked, str(tmp_path / "answer.wav"))
    words = {one["type"]: one.get("text") for one in told}
    assert told[0]["type"] == "ready" and told[0]["rate"] == clips.RATE
    assert "forward" in words["transcript"].lower() and words["reply"]
    assert length_s(tmp_path / "answer.wav") > 0.5


async def test_the_supervisor_hears_whispers_and_speaks(server, tmp_path):
    announcement = write(tmp_path / "announcement.wav", question(24000), 24000)
    headers = {"Authorization": "Bearer sk-local"}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.ws_connect(f"{server.url}/v1/realtime/pcm") as caller,
    ):
        call_id = json.loads((await caller.receive()).data)["call_id"]
        silence = asyncio.Event()

        async def talk() -> int:
            """Send silence, as a microphone does, and count what is heard."""
            heard = 0
            while not silence.is_set():
                await caller.send_bytes(bytes(960))
                try:
                    message = await caller.receive(timeout=0.02)
                except TimeoutError:
                    continue
                heard += len(message.data) if message.type is aiohttp.WSMsgType.BINARY else 0
            return heard

        async with asyncio.TaskGroup() as tasks:
            talking = tasks.create_task(talk())
            heard = await load("supervisor").supervise(server.url, call_id, "what is two plus three", announcement)
            silence.set()
        async with http.get(f"{server.url}/v1/realtime/calls/{call_id}") as answer:
            record = [entry["kind"] for entry in (await answer.json())["record"]]
    spoken_ms = len(question(24000)) / 48  # by the supervisor; the rest is the model's
    assert heard["caller"] > 0 and heard["model"] > spoken_ms + 500
    assert talking.result() / 48 > spoken_ms + 500
    said = [kind for kind in record if kind in ("controller_joined", "whispered", "taken_over", "handed_back")]
    assert said == ["controller_joined", "whispered", "taken_over", "handed_back"]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """The programs for Node with what they need."""
    folder = tmp_path_factory.mktemp("node") / "examples"
    shutil.copytree(EXAMPLES / "node", folder, ignore=shutil.ignore_patterns("node_modules"))
    return installed(folder, folder / "package-lock.json", pytestconfig)


async def run(folder: Path, *words: str, **environ: str) -> str:
    """Run a program of Node; returns what it printed."""
    process = await asyncio.create_subprocess_exec(
        "node", *words, cwd=folder, env=os.environ | environ,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(ANSWERS_S):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def test_the_sdk_for_node_needs_another_url_and_a_certificate(node, tmp_path):
    trusted = str(tmp_path / "mediaserver.crt")
    async with voice_server({"server": {"tls": {"mode": "self-signed", "directory": str(tmp_path)}}}) as server:
        said = await run(node, "caller.mjs", f"{server.url}/v1", "what is two plus three", NODE_EXTRA_CA_CERTS=trusted)
    answer, sound = said.splitlines()
    assert "five" in answer.lower() or "5" in answer
    assert int(sound.split()[0]) > 500


@pytest.mark.parametrize("model", BACKENDS)
@pytest.mark.asyncio(loop_scope="module")  # where the simulators live
async def test_the_agents_sdk_executes_its_tool(server, node, model):
    async with hung_up():
        url = f"{server.url.replace('http', 'ws')}/v1/realtime?model={model}"
        said = await run(node, "agent.mjs", url, ASKED[model])
    assert len(said.splitlines()) == 2, said
    called, answer = said.splitlines()
    assert called.startswith("get_weather ")
    assert model != "local" or called.lower() == "get_weather oslo"
    assert "sunny" in answer
