"""The page against the real server: a path that breaks in the middle of a call, and a call without a microphone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, Route

from tests import clips
from tests.browser.driving import Complaints, browser, open_page, until, write_wav
from tests.servers.impaired_door import impaired_door
from tests.servers.udp_impair import Weather, without_candidates
from tests.servers.voice_server import VoiceServer, voice_server

pytestmark = [
    pytest.mark.browser,
    pytest.mark.engines,
    pytest.mark.alone,
    pytest.mark.timeout(90),
    pytest.mark.asyncio(loop_scope="module"),
]

PEERS = """
const Peer = RTCPeerConnection
window.peers = []
window.RTCPeerConnection = class extends Peer { constructor(...given) { super(...given); peers.push(this) } }
window.received = async () => Math.max(0, ...[...(await peers.at(-1).getStats()).values()]
  .filter(({ type }) => type === 'inbound-rtp').map(({ packetsReceived }) => packetsReceived))"""
STATES = """(root => {
  window.states = []
  new MutationObserver(() => states.push(root.dataset.state)).observe(root, { attributeFilter: ['data-state'] })
})(document.documentElement)"""
QUESTION = "what time is it"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[VoiceServer]:
    async with voice_server({"server": {"drain_s": 0.5}}) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def quiet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """Chromium in a silent room."""
    async with browser(write_wav(tmp_path_factory.mktemp("quiet") / "silence.wav", [60.0])) as chromium:
        yield chromium


@pytest_asyncio.fixture(loop_scope="module")
async def context(quiet: Browser) -> AsyncIterator[BrowserContext]:
    made = await quiet.new_context(viewport={"width": 1440, "height": 900})
    await made.add_init_script(PEERS)
    yield made
    await made.close()


async def _ask(page: Page, answers: int) -> None:
    """Type a question; its answer is the so-many-th that is heard, and its sound arrives here."""
    before = await page.evaluate("received()")
    await page.fill("#text", QUESTION)
    await page.keyboard.press("Enter")
    await until(page, f"document.querySelectorAll('#rows .agent .heard:not(:empty)').length === {answers}", 20)
    await until(page, f"received().then((now) => now > {before} + 10)", 10)


async def _end(page: Page, complaints: Complaints) -> None:
    await page.click("#end")
    await page.wait_for_selector("html[data-state=ended]", state="attached")
    assert await page.evaluate("violations") + complaints.errors == []


async def test_a_call_goes_on_over_another_path(server: VoiceServer, context: BrowserContext) -> None:
    """The first path becomes a black hole: the page notices, restarts ICE on the same call, sound and events go on."""
    complaints = Complaints()
    async with impaired_door(server.url, Weather()) as (door, proxies):

        async def through_the_door(route: Route) -> None:
            offer, url = route.request.post_data or "", route.request.url.replace(server.url, door)
            answer = await route.fetch(url=url, post_data=offer if proxies else without_candidates(offer))
            await route.fulfill(response=answer)

        await context.route("**/v1/realtime/calls**", through_the_door)
        page = await open_page(context, f"{server.url}/?view=inspect", complaints)
        await page.evaluate(STATES)
        await page.click("#start")
        await page.wait_for_selector("html[data-state=listening]", state="attached")
        await _ask(page, 1)
        await until(page, "document.documentElement.dataset.state === 'listening'", 20)
        proxies[0].hole = True
        await until(page, "states.join().includes('reconnecting,listening')", 40)
        await _ask(page, 2)
        assert await page.evaluate("peers.length") == 1
        assert len(proxies) == 1
        await _end(page, complaints)


async def test_listen_and_type_without_a_microphone(server: VoiceServer, context: BrowserContext) -> None:
    """No microphone is asked for; what is typed is answered aloud, and a long answer can be stopped."""
    complaints = Complaints()
    page = await open_page(context, server.url, complaints)
    await page.evaluate("void (navigator.mediaDevices.getUserMedia = () => { throw new Error('nobody asked') })")
    await page.click("#without")
    await page.locator("#state-word", has_text="type").wait_for(timeout=10_000)
    assert await page.locator("#mute").is_disabled()
    assert await page.evaluate("document.activeElement.id") == "text"
    await _ask(page, 1)
    await _end(page, complaints)


async def test_a_silent_microphone_is_noticed(server: VoiceServer, context: BrowserContext) -> None:
    """Five seconds without a single sound from a microphone that is open."""
    complaints = Complaints()
    page = await open_page(context, server.url, complaints)
    await page.click("#start")
    await page.locator(".card[data-code=mic-silent]").wait_for(timeout=15_000)
    await _end(page, complaints)


async def test_speaking_while_muted_is_noticed(server: VoiceServer, tmp_path: Path) -> None:
    """Somebody talks on: the page says that nobody hears it, until it is unmuted."""
    complaints = Complaints()
    async with browser(write_wav(tmp_path / "talk.wav", [clips.clip("librivox_0870").pcm] * 8)) as chromium:
        page = await open_page(await chromium.new_context(), server.url, complaints)
        await page.click("#start")
        await page.wait_for_selector("html:is([data-state=listening], [data-state=hearing])", state="attached")
        await page.click("#mute")
        await page.locator("#hint", has_text="muted").wait_for(timeout=8_000)
        await page.click("#mute")
        await page.locator("#hint").wait_for(state="hidden", timeout=5_000)
        await _end(page, complaints)
