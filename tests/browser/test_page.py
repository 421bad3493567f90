"""The page as a whole: its words, its keys, its layout, what it keeps."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from tests.browser import stage
from tests.browser.driving import until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]


async def test_no_word_stands_outside_the_language_file(chrome: Browser) -> None:
    """In the pseudo-language every visible word that is not data is bracketed."""
    setting = await stage.stage_for(chrome, "ended")
    page = await setting.open("/?lang=en-XA&view=inspect")
    await stage.show(page, "ended")
    loose = await page.evaluate("""() => {
      const data = 'code, pre, bdi, option, .said, .time, #log, #clock, svg text, kbd, #readiness span, .delta'
      const found = []
      const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
      while (walk.nextNode()) {
        const node = walk.currentNode
        const shown = node.parentElement.checkVisibility() && !node.parentElement.closest(data)
        const text = node.textContent
        if (shown && /[A-Za-z]{3}/.test(text) && !text.includes('⟦')) found.push(text)
      }
      return found
    }""")
    assert loose == []


@pytest.mark.parametrize("state", ["idle", "interrupted", "ended"])
async def test_reflow_at_320_pixels(chrome: Browser, state: str) -> None:
    """Nothing needs sideways scrolling, with the longer pseudo-language too."""
    for address in ("/", "/?view=inspect", "/?lang=en-XA"):
        setting = await stage.stage_for(chrome, state, width=320, height=640)
        page = await setting.open(address)
        await stage.show(page, state)
        widths = await page.evaluate("[document.documentElement.scrollWidth, document.body.scrollWidth]")
        assert max(widths) <= 320, address
        await setting.context.close()


async def test_a_call_with_the_keyboard_alone(chrome: Browser) -> None:
    """Tab to Start, Enter; M, T, 1-4, ?, Escape never ends a call, Shift+E does."""
    setting = await stage.stage_for(chrome, "listening")
    page = await setting.open("/?view=inspect")
    for _ in range(30):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.id") == "start":
            break
    await page.keyboard.press("Enter")
    await until(page, "Boolean(call.peer?.remoteDescription)")
    await page.evaluate("call.ready()")
    await page.evaluate("document.activeElement.blur()")
    await page.keyboard.press("m")
    await page.wait_for_selector("html[data-state=muted]", state="attached")
    await page.keyboard.press("m")
    await page.keyboard.press("3")
    assert await page.get_attribute("#tab-events", "aria-selected") == "true"
    await page.keyboard.press("Escape")
    assert await page.get_attribute("html", "data-state") == "listening"
    await page.keyboard.press("?")
    assert await page.locator("#help").is_visible()
    await page.keyboard.press("Escape")
    await page.keyboard.press("t")
    await page.keyboard.type("mE hello")
    assert await page.input_value("#text") == "mE hello"
    await page.keyboard.press("Enter")
    assert await page.evaluate("call.sent.at(-1).type") == "response.create"
    await page.evaluate("document.activeElement.blur()")
    await page.keyboard.press("Shift+E")
    await page.wait_for_selector("html[data-state=ended]", state="attached")


async def test_a_saved_call_is_looked_at_again(chrome: Browser) -> None:
    """The JSON that was saved brings back rows, bars and events; another file is refused."""
    setting = await stage.stage_for(chrome, "ended")
    page = await setting.open("/?view=inspect")
    await stage.show(page, "ended")
    await page.click("#open-export")
    async with page.expect_download() as started:
        await page.click("[data-name=json]")
    saved = (await (await started.value).path()).read_bytes()
    again = await setting.context.new_page()
    await again.goto(stage.ORIGIN)
    await again.wait_for_selector("html[data-ready=yes]", state="attached")
    await again.click("#open-export")
    await again.set_input_files("#open-file", {"name": "a.json", "mimeType": "application/json", "buffer": b"{}"})
    await again.locator("#hint", has_text="not a saved call").wait_for(timeout=5000)
    await again.set_input_files("#open-file", {"name": "a.json", "mimeType": "application/json", "buffer": saved})
    await again.locator("#rows .cut").wait_for(timeout=5000)
    assert await again.locator("#rows .agent").count() == 3


async def test_preferences_are_kept_and_forgotten(chrome: Browser) -> None:
    """Theme and view come back after loading the page again, until everything is forgotten."""
    setting = await stage.stage_for(chrome, "idle")
    page = await setting.open()
    await page.click("#view")
    await page.click("#theme")
    await page.goto(stage.ORIGIN)
    await page.wait_for_selector("html[data-ready=yes]", state="attached")
    assert await page.get_attribute("html", "data-view") == "inspect"
    assert await page.get_attribute("html", "data-theme") == "light"
    await page.click("#open-settings")
    await page.click("#clear")
    await page.wait_for_selector("html[data-ready=yes][data-view=simple]", state="attached")
    assert await page.evaluate("localStorage.getItem('mediaserver.key')") is None
