"""Errors of the page: each is a card with its cause and one thing to do, made by what the browser or the server says."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page

from tests.browser import stage
from tests.browser.driving import until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]

MICROPHONE = [
    ("NotAllowedError", "Permission denied", "denied", "mic-denied"),
    ("NotAllowedError", "Permission dismissed", "prompt", "mic-dismissed"),
    ("NotAllowedError", "Permission denied by system", "denied", "mic-os"),
    ("NotFoundError", "", "granted", "mic-none"),
    ("NotReadableError", "", "granted", "mic-busy"),
    ("AbortError", "", "granted", "mic-busy"),
    ("OverconstrainedError", "", "granted", "mic-gone"),
]
REFUSALS = [
    (stage.refusal(401, "invalid_api_key"), "key-bad"),
    (stage.refusal(403, "permission_denied"), "forbidden"),
    (stage.refusal(404, "not_found"), "model-unknown"),
    (stage.refusal(429, "rate_limit_exceeded", 7), "limit"),
    (stage.refusal(503, "overloaded", 9), "full"),
    (stage.refusal(503, "draining", 9), "draining"),
    (stage.refusal(500, "internal_error"), "server"),
]


EVERY_CARD = """(async () => {
  const { Cards, ERRORS } = await import('/static/js/errors.js')
  const cards = new Cards({})
  const values = { model: 'local', tunnel: 'ssh -L 80:localhost:80 host' }
  for (const code of Object.keys(ERRORS)) cards.show(code, { values, detail: 'so it is', seconds: 90 })
  return Object.keys(ERRORS)
})()"""
REMEMBER_TRACKS = """(() => {
  window.tracks = []
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await ask(wanted)
    tracks.push(...stream.getTracks())
    return stream
  }
})()"""
NOTHING_RECEIVED = (
    """call.stats = [{ id: 'in', type: 'inbound-rtp', kind: 'audio', packetsReceived: 0, bytesReceived: 0 }]"""
)


async def _card(page: Page, code: str) -> str:
    card = page.locator(f".card[data-code={code}]")
    await card.wait_for(timeout=5000)
    assert await card.get_attribute("role") == "alert"
    return await card.inner_text()


async def test_every_card_is_clean(chrome: Browser) -> None:
    """All of them at once: their words are there, each has a cause, and axe-core finds nothing in either theme."""
    setting = await stage.stage(chrome)
    page = await setting.open()
    codes = await page.evaluate(EVERY_CARD)
    for code in codes:
        text = await _card(page, code)
        assert "error." not in text and "{" not in text, code
    assert len(codes) >= 25
    assert await setting.wrong(page) == []


async def test_microphone_refused(chrome: Browser) -> None:
    """Every way in which a browser refuses a microphone has its own name; the page is idle again."""
    setting = await stage.stage(chrome)
    page = await setting.open()
    for name, message, permission, code in MICROPHONE:
        await page.evaluate(stage.microphone_refused(name, message, permission))
        await page.click("#start")
        await _card(page, code)
        assert await page.locator(f".card[data-code={code}] [data-action]").count() >= 1
        assert await page.get_attribute("html", "data-state") == "idle"
        assert await setting.wrong(page) == []


async def test_offer_refused(chrome: Browser) -> None:
    """The server's refusals by status; those that say when to come back count down."""
    setting = await stage.stage(chrome)
    page = await setting.open()
    for setting.answer, code in REFUSALS:
        await page.click("#start")
        text = await _card(page, code)
        assert ("seconds" in text) == ("Retry-After" in setting.answer["headers"])
        assert await setting.wrong(page) == []


async def test_full_server_is_tried_again(chrome: Browser) -> None:
    """After the countdown the page offers again by itself, and the call stands."""
    setting = await stage.stage(chrome, answer=stage.refusal(503, "overloaded", 1))
    page = await setting.open()
    await page.click("#start")
    await _card(page, "full")
    setting.answer = stage.ACCEPTED
    await until(page, "Boolean(call.peer?.remoteDescription)")
    assert await page.locator(".card").count() == 0


async def test_a_key_is_asked_for(chrome: Browser) -> None:
    """Without a key the card takes one; it is kept for the tab only and goes out with the offer."""
    setting = await stage.stage(chrome, facts={"key": None, "key_needed": True})
    page = await setting.open()
    await page.click("#start")
    await _card(page, "key-missing")
    await page.fill("#key-key-missing", "sk-mine")
    async with page.expect_request("**/v1/realtime/calls*") as offered:
        await page.click(".card [data-action=enter-key]")
    assert (await offered.value).headers["authorization"] == "Bearer sk-mine"
    assert "sk-mine" not in await page.evaluate("JSON.stringify(localStorage)")
    assert await setting.wrong(page) == []


async def test_a_key_in_the_address_is_read_once(chrome: Browser) -> None:
    """``#ek=`` is taken and goes from the address."""
    setting = await stage.stage(chrome, facts={"key": None, "key_needed": True})
    page = await setting.open("/#ek=ek_secret")
    assert "ek_secret" not in page.url
    async with page.expect_request("**/v1/realtime/calls*") as offered:
        await page.click("#start")
    assert (await offered.value).headers["authorization"] == "Bearer ek_secret"


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("Object.defineProperty(window, 'isSecureContext', { value: false })", "insecure"),
        ("delete window.RTCPeerConnection", "unsupported"),
        (
            "HTMLMediaElement.prototype.play = async () => { throw new DOMException('', 'NotAllowedError') }",
            "audio-blocked",
        ),
    ],
)
async def test_what_a_browser_lacks(chrome: Browser, script: str, code: str) -> None:
    """No secure page, no WebRTC, no sound without a tap."""
    setting = await stage.stage(chrome, script=script)
    page = await setting.open()
    if code == "audio-blocked":
        await page.click("#start")
    await _card(page, code)
    assert await setting.wrong(page) == []


async def test_no_way_through(chrome: Browser) -> None:
    """Ten seconds without a connection: the card names what was tried."""
    setting = await stage.stage(chrome)
    await setting.context.clock.install()
    page = await setting.open()
    await page.click("#start")
    await until(page, "Boolean(call.peer?.remoteDescription)")
    await page.clock.fast_forward(11_000)
    assert "local none; remote none" in await _card(page, "ice-failed")


async def test_a_break_ten_seconds_into_a_call_is_not_the_end(chrome: Browser) -> None:
    """The time for connecting is over when the line was up once, whatever it is at that moment."""
    setting = await stage.stage(chrome)
    await setting.context.clock.install()
    page = await setting.open()
    await page.click("#start")
    await until(page, "Boolean(call.peer?.remoteDescription)")
    await page.evaluate("call.ready()")
    await page.clock.fast_forward(9_000)
    await page.evaluate("call.state('disconnected')")
    await page.clock.fast_forward(1_500)
    assert await page.locator(".card[data-code=ice-failed]").count() == 0
    assert await page.get_attribute("html", "data-state") != "ended"


@pytest.mark.parametrize(
    ("reason", "code"), [("max_duration", "cap"), ("provider_error", "provider-down"), ("server_shutdown", "draining")]
)
async def test_ends_that_are_errors(chrome: Browser, reason: str, code: str) -> None:
    """An end that nobody wished for has a card and leaves the transcript."""
    setting = await stage.stage_for(chrome, "listening")
    page = await setting.open()
    await stage.show(page, "listening")
    await page.evaluate(f"call.tell({{ type: 'ended', reason: '{reason}', detail: 'so it is' }})")
    await _card(page, code)
    assert await page.get_attribute("html", "data-state") == "ended"
    assert await page.locator("#rows .agent").count() == 2
    assert await setting.wrong(page) == []


async def test_a_lost_line_is_taken_up_again(chrome: Browser) -> None:
    """A failed connection: a new offer to the same call, and the conversation is kept."""
    setting = await stage.stage_for(chrome, "listening")
    page = await setting.open()
    await stage.show(page, "listening")
    async with page.expect_request("**/v1/realtime/calls/rtc_1") as offered:
        await page.evaluate("call.state('failed')")
    assert (await offered.value).method == "POST"
    assert await page.get_attribute("html", "data-state") == "reconnecting"
    await page.evaluate("call.state('connected')")
    await page.wait_for_selector("html[data-state=listening]", state="attached")
    assert await page.locator("#rows .agent").count() == 2


async def test_a_call_that_is_gone_is_lost(chrome: Browser) -> None:
    """The server no longer knows the call: no more tries, one card."""
    setting = await stage.stage_for(chrome, "listening")
    page = await setting.open()
    await stage.show(page, "listening")
    setting.answer = stage.refusal(404, "not_found")
    await page.evaluate("call.state('failed')")
    await _card(page, "lost")
    assert await page.get_attribute("html", "data-state") == "ended"
    assert await setting.wrong(page) == []


async def test_no_sound_arrives(chrome: Browser) -> None:
    """The server says that it speaks, and no packet has come."""
    setting = await stage.stage_for(chrome, "listening")
    page = await setting.open()
    await stage.show(page, "listening")
    await page.evaluate(NOTHING_RECEIVED)
    await page.evaluate("call.say({ type: 'output_audio_buffer.started', response_id: 'r9' })")
    await page.locator(".card[data-code=no-media]").wait_for(timeout=9_000)


async def test_the_microphone_goes_away(chrome: Browser) -> None:
    """The chosen device is unplugged: the default takes over, and the card says so."""
    setting = await stage.stage_for(chrome, "listening")
    page = await setting.open()
    await page.evaluate(REMEMBER_TRACKS)
    await stage.show(page, "listening")
    await page.evaluate("tracks[0].dispatchEvent(new Event('ended'))")
    await _card(page, "mic-gone")
    await until(page, "tracks.length === 2")
    assert await page.get_attribute("html", "data-state") == "listening"


async def test_nobody_answers(chrome: Browser) -> None:
    """No server behind the address: said before anybody clicks, and again by the offer."""
    setting = await stage.stage(chrome, answer=None)
    page = await setting.open()
    await page.click("#start")
    await _card(page, "offline")


async def test_a_frame_that_keeps_the_microphone_back(chrome: Browser) -> None:
    """Inside a page that does not pass the microphone on, the card gives what its iframe needs."""
    setting = await stage.stage(chrome)
    page = await setting.open_framed()
    frame = page.frame_locator("iframe")
    await frame.locator(".card[data-code=framed]").wait_for(timeout=9_000)
    await frame.locator(".card [data-action=without]").click()
    await frame.locator("html[data-state=connecting]").wait_for(state="attached", timeout=5_000)
