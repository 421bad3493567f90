"""The stock browser client of the OpenAI Agents SDK holds a call in Chromium, with only the URL changed."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, Route, async_playwright

from tests import clips
from tests.conformance.backends import ASKED, BACKENDS, LONG, backends, hung_up
from tests.servers.voice_server import VoiceServer

HERE = Path(__file__).parent / "agents_realtime"
FLAGS = (
    "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", "--no-sandbox", "--disable-gpu",
    "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--autoplay-policy=no-user-gesture-required",
)  # fmt: skip

pytestmark = [
    pytest.mark.browser,
    pytest.mark.engines,
    pytest.mark.timeout(180),
    pytest.mark.asyncio(loop_scope="module"),
]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client and our twenty lines around it, bundled once."""
    if shutil.which("npm") is None:
        pytest.skip("no npm on this machine: `make test` installs one where it may")
    folder = tmp_path_factory.mktemp("agents_realtime")
    shutil.copytree(HERE, folder, dirs_exist_ok=True)
    for command in (["npm", "ci", "--no-audit", "--no-fund"], ["npm", "run", "build"]):
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[VoiceServer]:
    async with backends({"server": {"drain_s": 0.5}}) as running:
        yield running


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def _hung_up(server: VoiceServer) -> AsyncIterator[None]:
    async with hung_up():
        yield


@pytest.fixture
def microphone(tmp_path: Path) -> Path:
    """What Chromium hears: the file starts with getUserMedia, so there is silence until the call stands."""
    file = tmp_path / "microphone.wav"
    with wave.open(str(file), "wb") as out:
        out.setparams((1, 2, clips.RATE, 0, "NONE", ""))
        out.writeframes(bytes(clips.RATE * 4) + clips.clip("goforward").pcm + bytes(clips.RATE * 20))
    return file


@pytest_asyncio.fixture(loop_scope="module")
async def page(server: VoiceServer, bundle: Path, microphone: Path, chromium: str) -> AsyncIterator[Page]:
    """A page of the server's own origin that holds the SDK; the microphone plays a recorded question."""

    async def fulfil(route: Route) -> None:
        await route.fulfill(path=bundle / (route.request.url.rsplit("/", 1)[1] or "index.html"))

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=[*FLAGS, f"--use-file-for-fake-audio-capture={microphone}%noloop"]
        )
        try:
            tab = await browser.new_page()
            await tab.route("**/conformance/*", fulfil)
            await tab.goto(f"{server.url}/conformance/index.html")
            yield tab
        finally:
            await browser.close()


async def _until(page: Page, condition: str, limit_s: float = 30) -> None:
    await page.wait_for_function(condition, timeout=limit_s * 1000)


def _types(seen: dict[str, Any]) -> list[str]:
    return [event["type"] for event in seen["events"]]


async def test_speech_in_speech_out(page: Page) -> None:
    """A recorded sentence is transcribed into the client's own history and answered aloud."""
    await page.evaluate("start('sk-local')")
    await _until(page, "seen.events.some(e => e.type === 'response.done')")
    await _until(page, "seen.history.some(i => i.role === 'assistant' && i.status === 'completed')")
    seen = await page.evaluate("seen")
    types = _types(seen)
    assert seen["state"] == "connected"
    assert not seen["errors"]
    spoken = [item for item in seen["history"] if item.get("role") == "user"]
    assert spoken and any(part.get("transcript") for part in spoken[0]["content"])
    assert "response.output_audio_transcript.done" in types
    assert "output_audio_buffer.started" in types
    await _until(page, "document.querySelector('audio').currentTime > 1")


@pytest.mark.parametrize("model", BACKENDS)
async def test_text_turn_and_tool(page: Page, model: str) -> None:
    """A typed question leads to a tool call that the client executes, and to an answer that uses it."""
    await page.evaluate("model => start('sk-local', model)", model)
    await page.evaluate("text => session.sendMessage(text)", ASKED[model])
    await _until(page, "seen.tools.length > 0")
    await _until(page, "seen.history.some(i => i.role === 'assistant' && JSON.stringify(i).includes('sunny'))")
    seen = await page.evaluate("seen")
    asked, called, answered = seen["history"][:3]
    assert (asked["role"], asked["content"][0]["text"]) == ("user", ASKED[model])
    assert (called["type"], called["name"], called["status"]) == ("function_call", "get_weather", "completed")
    assert answered["role"] == "assistant"
    if model == "local":
        assert seen["tools"][0].lower() == "oslo"
    assert not seen["errors"]


@pytest.mark.parametrize("model", BACKENDS)
async def test_interruption(page: Page, model: str) -> None:
    """interrupt() silences the answer, and the client is told that the rest was not heard."""
    await page.evaluate("model => start('sk-local', model)", model)
    await page.evaluate("text => session.sendMessage(text)", LONG)
    await _until(page, "seen.events.some(e => e.type === 'output_audio_buffer.started')")
    await asyncio.sleep(1)
    await page.evaluate("session.interrupt()")
    await _until(page, "seen.events.some(e => e.type === 'output_audio_buffer.cleared')")
    seen = await page.evaluate("seen")
    assert "conversation.item.truncated" in _types(seen)
    assert not seen["errors"]
