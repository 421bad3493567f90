"""Stock browser clients of other dialects hold calls in Chromium, with only the URL and the key given.

Pipecat's ``client-js`` over its ``small-webrtc-transport``, and the WHIP client ``whip-whep``.
"""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests import clips
from tests.browser.driving import browser, write_wav
from tests.conformance.backends import ASKED, BACKENDS, backends, hung_up
from tests.conformance.tab import bundled, tab, until
from tests.servers.voice_server import VoiceServer

HERE = Path(__file__).parent / "other_dialects"
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
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
    """The clients and our page around them, bundled once."""
    return bundled(HERE, tmp_path_factory.mktemp("other_dialects"), pytestconfig)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[VoiceServer]:
    # One address: whip-whep 1.2.0 joins the candidates of a restart with commas, so it can take only one.
    async with backends({"server": {"drain_s": 0.5}, "media": {"addresses": ["127.0.0.1"]}}) as running:
        yield running


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def _hung_up(server: VoiceServer) -> AsyncIterator[None]:
    async with hung_up():
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chrome(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """Chromium's microphone starts its file with each call, so there is silence until that stands."""
    file = tmp_path_factory.mktemp("microphone") / "question.wav"
    async with browser(write_wav(file, [2.0, clips.clip("goforward").pcm, 10.0])) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def page(server: VoiceServer, bundle: Path, chrome: Browser) -> AsyncIterator[Page]:
    """A page that holds the clients; the microphone plays a recorded question."""
    async with tab(chrome, server, bundle) as opened:
        yield opened


def _told(kind: str, more: str = "true", count: int = 1) -> str:
    return f"seen.events.filter(({{type, data}}) => type === '{kind}' && ({more})).length >= {count}"


def _texts(seen: dict[str, Any], kind: str) -> str:
    return " ".join(event["data"]["text"] for event in seen["events"] if event["type"] == kind)


async def test_speech_in_speech_out(page: Page) -> None:
    """Pipecat's client is told that the bot is ready, what was said to it, and how far it heard the answer."""
    await page.evaluate("start('sk-local')")
    await until(page, _told("user-transcription", "data.final"))
    await until(page, _told("bot-output", "data.spoken_status === 'completed'"))
    seen = await page.evaluate("seen")
    assert seen["ready"]["version"] == "2.1.0" and seen["states"][-1] == "ready"
    assert not seen["errors"]
    kinds = {event["type"] for event in seen["events"]}
    assert {"user-started-speaking", "bot-started-speaking", "bot-tts-text", "metrics", "track-started"} <= kinds
    await until(page, "document.querySelector('audio').currentTime > 1")


@pytest.mark.parametrize("model", BACKENDS)
async def test_a_text_is_answered_and_a_function_is_executed_by_the_client(page: Page, model: str) -> None:
    """sendText reaches the model, which calls a function of the page and uses its result."""
    body = {"model": model, "session": {"tools": [WEATHER]}}
    await page.evaluate("([key, body]) => start(key, body)", ["sk-local", body])
    assert (await page.evaluate("client.sendClientRequest('session.get')"))["model"] == model
    await page.evaluate("text => client.sendText(text)", ASKED[model])
    await until(page, "seen.calls.length > 0")
    await until(page, _told("llm-function-call-stopped"))
    await until(page, _told("bot-output", "data.text.includes('sunny')"))
    seen = await page.evaluate("seen")
    assert seen["calls"][0]["city"]
    assert model != "local" or seen["calls"][0]["city"].lower() == "oslo"
    assert not seen["errors"]
    await page.evaluate("client.disconnectBot()")  # a call whose peer only vanishes is kept for its return
    await until(page, _told("bot-disconnected"))


async def test_requests_of_the_application(page: Page) -> None:
    """sendClientRequest is answered under its own id, and refused where it cannot be."""
    await page.evaluate("start('sk-local')")
    session = await page.evaluate("client.sendClientRequest('session.get')")
    assert session["model"] == "local"
    assert await page.evaluate("client.sendClientRequest('session.update', {instructions: 'x'})") == {}
    assert (await page.evaluate("client.sendClientRequest('session.get')"))["instructions"] == "x"
    refused = await page.evaluate("client.sendClientRequest('nonsense').catch((message) => message.data)")
    assert "no such request" in refused["error"]


@pytest.mark.parametrize("model", BACKENDS)
async def test_the_transport_reconnects_and_the_conversation_goes_on(page: Page, model: str) -> None:
    """After a new peer connection the same bot answers, and knows what was said before."""
    await page.evaluate("([key, body]) => start(key, body)", ["sk-local", {"model": model}])
    assert (await page.evaluate("client.sendClientRequest('session.get')"))["model"] == model
    await page.evaluate("client.sendText('hello', {audio_response: false})")
    await until(page, _told("bot-llm-stopped"))
    name = await page.evaluate("transport.pc_id")
    assert await page.evaluate("reconnect()")
    await until(page, "transport.pc.connectionState === 'connected' && transport.dc.readyState === 'open'")
    assert await page.evaluate("transport.pc_id") == name
    await page.evaluate("client.sendText('count to three')")
    await until(page, _told("bot-llm-stopped", count=2))
    await until(page, _told("bot-stopped-speaking"))
    seen = await page.evaluate("seen")
    assert "three" in _texts(seen, "bot-output").lower()
    assert not seen["errors"] and not [event for event in seen["events"] if event["type"] == "bot-disconnected"]
    await page.evaluate("client.disconnectBot()")  # a call whose peer only vanishes is kept for its return
    await until(page, _told("bot-disconnected"))


async def test_the_camera_and_the_screen_find_their_transceivers(page: Page) -> None:
    """The transport counts its transceivers: those of the video that nobody answers are still where it looks."""
    assert await page.evaluate("offerWithScreen('sk-local')") == [
        ["0", "audio", "sendrecv"],
        ["1", "video", "inactive"],
        ["2", "video", "inactive"],
    ]


async def test_the_bot_is_sent_away(page: Page) -> None:
    """disconnectBot ends the call on the server."""
    await page.evaluate("start('sk-local')")
    await page.evaluate("client.disconnectBot()")
    await until(page, _told("bot-disconnected"))


async def test_a_wrong_key_is_refused_at_the_start(page: Page) -> None:
    """The reason reaches the application."""
    error = await page.evaluate("start('wrong').catch((error) => ({name: error.name, status: error.status}))")
    assert error["status"] == 401


def _ask(server: VoiceServer, method: str, path: str) -> int:
    request = urllib.request.Request(server.url + path, method=method, headers={"Authorization": "Bearer sk-local"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return int(answer.status)


async def test_whip_publishes_trickles_restarts_and_stops(page: Page, server: VoiceServer) -> None:
    """A stock WHIP client publishes the microphone, moves to new ICE credentials and takes its publication back."""
    place = await page.evaluate("publish('sk-local')")
    await until(page, "pc.connectionState === 'connected'")
    assert await asyncio.to_thread(_ask, server, "GET", place) == 204
    before = await page.evaluate("whip.etag")
    await page.evaluate("whip.restart()")
    assert await page.evaluate("whip.etag") != before
    sent = "pc.getStats().then((all) => [...all.values()].find((s) => s.type === 'outbound-rtp').packetsSent)"
    count = await page.evaluate(sent)
    await until(page, f"{sent}.then((now) => now > {count} + 50)")
    assert await page.evaluate("pc.connectionState") == "connected"
    await page.evaluate("whip.stop()")
    with pytest.raises(urllib.error.HTTPError) as gone:
        await asyncio.to_thread(_ask, server, "GET", place)
    assert gone.value.code == 404
    gone.value.close()
    assert json.dumps(await page.evaluate("seen.errors")) == "[]"
