"""The stock client of the OpenAI Agents SDK in Chromium over WebRTC and over a WebSocket, with only the URL changed."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, async_playwright

from tests import clips
from tests.conformance.backends import ASKED, BACKENDS, LONG, backends, hung_up
from tests.servers.voice_server import VoiceServer

HERE = Path(__file__).parent / "agents_realtime"
FLAGS = (
    "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", "--no-sandbox", "--disable-gpu",
    "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--autoplay-policy=no-user-gesture-required",
    "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets",  # the test gives it the page
)  # fmt: skip
TRANSPORTS = ("webrtc", "websocket")
PLAYING = {
    "webrtc": "seen.events.some(e => e.type === 'output_audio_buffer.started')",
    "websocket": "seen.sound > 0",
}

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


@pytest.fixture(scope="module")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Chromium hears, again and again from getUserMedia on: silence until the call stands, and a question."""
    file = tmp_path_factory.mktemp("microphone") / "question.wav"
    with wave.open(str(file), "wb") as out:
        out.setparams((1, 2, clips.RATE, 0, "NONE", ""))
        out.writeframes(bytes(clips.RATE * 2 * 2) + clips.clip("goforward").pcm + bytes(clips.RATE * 2 * 3))
    return file


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(microphone: Path, chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(
            executable_path=chromium, args=[*FLAGS, f"--use-file-for-fake-audio-capture={microphone}"]
        )
        try:
            yield running
        finally:
            await running.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(server: VoiceServer, bundle: Path, browser: Browser) -> AsyncIterator[Page]:
    """A page of the server's own origin that holds the SDK; the microphone plays a recorded question."""

    async def fulfil(route: Route) -> None:
        await route.fulfill(path=bundle / (route.request.url.rsplit("/", 1)[1] or "index.html"))

    async with hung_up(), await browser.new_context() as context:
        tab = await context.new_page()
        await tab.route("**/conformance/*", fulfil)
        await tab.goto(f"{server.url}/conformance/index.html")
        yield tab
        await tab.evaluate("window.session?.close()")  # a call whose peer only vanishes is kept for its return


async def _until(page: Page, condition: str, limit_s: float = 30) -> None:
    await page.wait_for_function(condition, timeout=limit_s * 1000)


def _types(seen: dict[str, Any]) -> list[str]:
    return [event["type"] for event in seen["events"]]


async def _start(page: Page, server: VoiceServer, kind: str, model: str) -> None:
    """Connect as an application does: with a client secret that its own server has made for the model."""
    async with openai.AsyncOpenAI(api_key="sk-local", base_url=f"{server.url}/v1", max_retries=0) as user:
        made = await user.realtime.client_secrets.create(session={"type": "realtime", "model": model})
    await page.evaluate("([key, model, kind]) => start(key, model, kind)", [made.value, model, kind])
    await _until(page, "seen.events.some(e => e.type === 'session.created')")
    created = await page.evaluate("seen.events.find(e => e.type === 'session.created')")
    assert created["session"]["model"] == model


async def _written(page: Page, server: VoiceServer, kind: str, model: str, text: str) -> None:
    """Ask in writing, with the microphone off."""
    await _start(page, server, kind, model)
    if kind == "webrtc":
        await page.evaluate("session.mute(true)")
    await page.evaluate("text => session.sendMessage(text)", text)


async def _cut(page: Page) -> None:
    """Wait until the history holds only so much of the long answer as was heard."""
    await _until(page, "cut() && cut().heard.length < cut().whole.length")
    cut = await page.evaluate("cut()")
    assert cut["whole"].startswith(cut["heard"].strip())
    assert cut["heard_ms"] > 0
    assert cut["status"] == "incomplete"


@pytest.mark.parametrize("model", BACKENDS)
@pytest.mark.parametrize("kind", TRANSPORTS)
async def test_speaks_and_is_interrupted_by_speech(page: Page, server: VoiceServer, kind: str, model: str) -> None:
    """A question is transcribed into the client's own history and answered aloud; the next one cuts a long answer."""
    await _start(page, server, kind, model)
    if kind == "websocket":
        await page.evaluate("listen()")
    await _until(page, "seen.history.some(i => i.role === 'user' && i.content[0].transcript)")
    await _until(page, "seen.history.some(i => i.role === 'assistant' && i.status === 'completed')")
    await _until(page, "seen.events.some(e => e.type === 'response.done')")
    await _until(page, PLAYING[kind])
    await page.evaluate("text => session.sendMessage(text)", LONG)
    await _until(page, "cut()")
    await _cut(page)
    seen = await page.evaluate("seen")
    assert [item["role"] for item in seen["history"][:4]] == ["user", "assistant", "user", "assistant"]
    if kind == "webrtc":
        assert {"output_audio_buffer.started", "output_audio_buffer.cleared"} <= set(_types(seen))
        await _until(page, "document.querySelector('audio').currentTime > 1")
    else:
        assert seen["interrupted"] >= 1 and seen["sound"] > 1000
    assert not seen["errors"]


@pytest.mark.parametrize("model", BACKENDS)
@pytest.mark.parametrize("kind", TRANSPORTS)
async def test_calls_a_tool(page: Page, server: VoiceServer, kind: str, model: str) -> None:
    """A typed question leads to a tool call that the client executes, and to an answer that uses it."""
    await _written(page, server, kind, model, ASKED[model])
    await _until(page, "seen.tools.length > 0")
    await _until(page, "seen.history.some(i => i.role === 'assistant' && JSON.stringify(i).includes('sunny'))")
    seen = await page.evaluate("seen")
    asked, called, answered = seen["history"][:3]
    assert (asked["role"], asked["content"][0]["text"]) == ("user", ASKED[model])
    assert (called["type"], called["name"], called["status"]) == ("function_call", "get_weather", "completed")
    assert "sunny" in called["output"]
    assert answered["role"] == "assistant"
    if model == "local":
        assert seen["tools"][0].lower() == "oslo"
    assert not seen["errors"]


@pytest.mark.parametrize("model", BACKENDS)
@pytest.mark.parametrize("kind", TRANSPORTS)
async def test_is_interrupted_by_the_client(page: Page, server: VoiceServer, kind: str, model: str) -> None:
    """interrupt() silences the answer, and the client's history is told that the rest was not heard."""
    await _written(page, server, kind, model, LONG)
    await _until(page, PLAYING[kind])
    await asyncio.sleep(1)
    await page.evaluate("session.interrupt()")
    await _cut(page)
    seen = await page.evaluate("seen")
    if kind == "webrtc":
        assert "output_audio_buffer.cleared" in _types(seen)
    else:
        assert seen["interrupted"] == 1
    assert not seen["errors"]
