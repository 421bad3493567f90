"""Errors of the page: each is a card with its cause and one thing to do, made by what the browser or the server says."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

from tests.browser import axe, stage
from tests.browser.driving import browser, until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

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


async def _card(page: Page, code: str) -> str:
    card = page.locator(f".card[data-code={code}]")
    await card.wait_for(timeout=5000)
    assert await card.get_attribute("role") == "alert"
    return await card.inner_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_microphone_refused(theme: str) -> None:
    """Every way in which a browser refuses a microphone has its own name; the page is idle again."""
    async with browser() as chromium:
        for name, message, permission, code in MICROPHONE:
            setting = await stage.stage(
                chromium, theme=theme, script=stage.microphone_refused(name, message, permission)
            )
            page = await setting.open()
            await page.click("#start")
            await _card(page, code)
            assert await page.locator(f".card[data-code={code}] [data-action]").count() == 1
            assert await page.get_attribute("html", "data-state") == "idle"
            assert await axe.violations(page) + await page.evaluate("violations") + setting.complaints.errors == []
            await setting.context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_offer_refused(theme: str) -> None:
    """The server's refusals by status; those that say when to come back count down."""
    async with browser() as chromium:
        for answer, code in REFUSALS:
            setting = await stage.stage(chromium, theme=theme, answer=answer)
            page = await setting.open()
            await page.click("#start")
            text = await _card(page, code)
            assert ("seconds" in text) == ("Retry-After" in answer["headers"])
            assert await axe.violations(page) + await page.evaluate("violations") + setting.complaints.errors == []
            await setting.context.close()


async def test_full_server_is_tried_again() -> None:
    """After the countdown the page offers again by itself, and the call stands."""
    async with browser() as chromium:
        setting = await stage.stage(chromium, answer=stage.refusal(503, "overloaded", 1))
        page = await setting.open()
        await page.click("#start")
        await _card(page, "full")
        setting.answer = stage.ACCEPTED
        await until(page, "Boolean(call.peer?.remoteDescription)")
        assert await page.locator(".card").count() == 0


async def test_a_key_is_asked_for() -> None:
    """Without a key the card takes one; it is kept for the tab only and goes out with the offer."""
    async with browser() as chromium:
        setting = await stage.stage(chromium, facts={"key": None, "key_needed": True})
        page = await setting.open()
        await page.click("#start")
        await _card(page, "key-missing")
        await page.fill("#key-key-missing", "sk-mine")
        async with page.expect_request("**/v1/realtime/calls*") as offered:
            await page.click(".card [data-action=enter-key]")
        assert (await offered.value).headers["authorization"] == "Bearer sk-mine"
        assert "sk-mine" not in await page.evaluate("JSON.stringify(localStorage)")
        assert await axe.violations(page) == []


async def test_a_key_in_the_address_is_read_once() -> None:
    """``#ek=`` is taken and goes from the address."""
    async with browser() as chromium:
        setting = await stage.stage(chromium, facts={"key": None, "key_needed": True})
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
async def test_what_a_browser_lacks(script: str, code: str) -> None:
    """No secure page, no WebRTC, no sound without a tap."""
    async with browser() as chromium:
        setting = await stage.stage(chromium, script=script)
        page = await setting.open()
        if code == "audio-blocked":
            await page.click("#start")
        await _card(page, code)
        assert await axe.violations(page) + await page.evaluate("violations") == []


async def test_no_way_through() -> None:
    """Ten seconds without a connection: the card names what was tried."""
    async with browser() as chromium:
        setting = await stage.stage(chromium)
        page = await setting.open()
        await page.click("#start")
        await page.locator(".card[data-code=ice-failed]").wait_for(timeout=14_000)
        assert "local none; remote none" in await _card(page, "ice-failed")


@pytest.mark.parametrize(
    ("reason", "code"), [("max_duration", "cap"), ("provider_error", "provider-down"), ("server_shutdown", "draining")]
)
async def test_ends_that_are_errors(reason: str, code: str) -> None:
    """An end that nobody wished for has a card and leaves the transcript."""
    async with browser() as chromium:
        setting = await stage.stage_for(chromium, "listening")
        page = await setting.open()
        await stage.show(page, "listening")
        await page.evaluate(f"call.tell({{ type: 'ended', reason: '{reason}', detail: 'so it is' }})")
        await _card(page, code)
        assert await page.get_attribute("html", "data-state") == "ended"
        assert await page.locator("#rows .agent").count() == 2


async def test_a_lost_line_is_taken_up_again() -> None:
    """A failed connection: a new offer to the same call, and the conversation is kept."""
    async with browser() as chromium:
        setting = await stage.stage_for(chromium, "listening")
        page = await setting.open()
        await stage.show(page, "listening")
        async with page.expect_request("**/v1/realtime/calls/rtc_1") as offered:
            await page.evaluate("call.state('failed')")
        assert (await offered.value).method == "POST"
        assert await page.get_attribute("html", "data-state") == "reconnecting"
        await page.evaluate("call.state('connected')")
        await page.wait_for_selector("html[data-state=listening]", state="attached")
        assert await page.locator("#rows .agent").count() == 2


async def test_a_call_that_is_gone_is_lost() -> None:
    """The server no longer knows the call: no more tries, one card."""
    async with browser() as chromium:
        setting = await stage.stage_for(chromium, "listening")
        page = await setting.open()
        await stage.show(page, "listening")
        setting.answer = stage.refusal(404, "not_found")
        await page.evaluate("call.state('failed')")
        await _card(page, "lost")
        assert await page.get_attribute("html", "data-state") == "ended"
