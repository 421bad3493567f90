"""The stock client of the OpenAI Agents SDK in Chromium over WebRTC and over a WebSocket, with only the URL changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests import clips
from tests.browser.driving import browser, write_wav
from tests.conformance.backends import ASKED, BACKENDS, LONG, backends, hung_up
from tests.conformance.tab import bundled, tab, until
from tests.servers.voice_server import VoiceServer

HERE = Path(__file__).parent / "agents_realtime"
ITS_PAGE_IS_OURS = "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets"
"""For a page that the test puts where the server's own would be."""
TRANSPORTS = ("webrtc", "websocket")
SPOKEN = [
    *(("webrtc", model) for model in BACKENDS),
    ("websocket", "local"),
    *(pytest.param("websocket", model, marks=pytest.mark.campaign) for model in BACKENDS if model != "local"),
]
PLAYING = {
    "webrtc": "seen.events.some(e => e.type === 'output_audio_buffer.started')",
    "websocket": "seen.sound > 0",
}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.engines,
    pytest.mark.alone,
    pytest.mark.timeout(180),
    pytest.mark.asyncio(loop_scope="module"),
]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """The client and our twenty lines around it, bundled once."""
    return bundled(HERE, tmp_path_factory.mktemp("agents_realtime"), pytestconfig)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[VoiceServer]:
    async with backends({"server": {"drain_s": 0.5}}) as running:
        yield running


@pytest.fixture(scope="module")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Chromium hears, again and again from getUserMedia on: silence until the call stands, and a question."""
    file = tmp_path_factory.mktemp("microphone") / "question.wav"
    return write_wav(file, [2.0, clips.clip("goforward").pcm, 3.0])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chrome(microphone: Path) -> AsyncIterator[Browser]:
    async with browser(microphone, ITS_PAGE_IS_OURS, again=True) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def page(server: VoiceServer, bundle: Path, chrome: Browser) -> AsyncIterator[Page]:
    """A page that holds the SDK; the microphone plays a recorded question."""
    async with hung_up(), tab(chrome, server, bundle) as opened:
        yield opened
        await opened.evaluate("window.session?.close()")  # a call whose peer only vanishes is kept for its return


def _types(seen: dict[str, Any]) -> list[str]:
    return [event["type"] for event in seen["events"]]


async def _start(page: Page, server: VoiceServer, kind: str, model: str) -> None:
    """Connect as an application does: with a client secret that its own server has made for the model."""
    async with openai.AsyncOpenAI(api_key="sk-local", base_url=f"{server.url}/v1", max_retries=0) as user:
        made = await user.realtime.client_secrets.create(session={"type": "realtime", "model": model})
    await page.evaluate("([key, model, kind]) => start(key, model, kind)", [made.value, model, kind])
    await until(page, "seen.events.some(e => e.type === 'session.created')")
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
    await until(page, "cut() && cut().status !== 'in_progress' && cut().heard.length < cut().whole.length")
    cut = await page.evaluate("cut()")
    assert cut["whole"].startswith(cut["heard"].strip())
    assert cut["heard_ms"] > 0
    assert cut["status"] == "incomplete"


@pytest.mark.parametrize(("kind", "model"), SPOKEN)
async def test_speaks_and_is_interrupted_by_speech(page: Page, server: VoiceServer, kind: str, model: str) -> None:
    """A question is transcribed into the client's own history and answered aloud; the next one cuts a long answer."""
    await _start(page, server, kind, model)
    if kind == "websocket":
        await page.evaluate("listen()")
    await until(page, "seen.history.some(i => i.role === 'user' && i.content[0].transcript)")
    await until(page, "seen.history.some(i => i.role === 'assistant' && i.status === 'completed')")
    await until(page, "seen.events.some(e => e.type === 'response.done')")
    await until(page, PLAYING[kind])
    await page.evaluate("text => session.sendMessage(text)", LONG)
    await until(page, "cut()")
    await _cut(page)
    seen = await page.evaluate("seen")
    assert [item["role"] for item in seen["history"][:4]] == ["user", "assistant", "user", "assistant"]
    if kind == "webrtc":
        assert {"output_audio_buffer.started", "output_audio_buffer.cleared"} <= set(_types(seen))
        await until(page, "document.querySelector('audio').currentTime > 1")
    else:
        assert seen["interrupted"] >= 1 and seen["sound"] > 1000
    assert not seen["errors"]


@pytest.mark.parametrize("model", BACKENDS)
@pytest.mark.parametrize("kind", TRANSPORTS)
async def test_calls_a_tool(page: Page, server: VoiceServer, kind: str, model: str) -> None:
    """A typed question leads to a tool call that the client executes, and to an answer that uses it."""
    await _written(page, server, kind, model, ASKED[model])
    await until(page, "seen.tools.length > 0")
    await until(page, "seen.history.some(i => i.role === 'assistant' && JSON.stringify(i).includes('sunny'))")
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
    await until(page, PLAYING[kind])
    await asyncio.sleep(1)
    await page.evaluate("session.interrupt()")
    await _cut(page)
    seen = await page.evaluate("seen")
    if kind == "webrtc":
        assert "output_audio_buffer.cleared" in _types(seen)
    else:
        assert seen["interrupted"] == 1
    assert not seen["errors"]
