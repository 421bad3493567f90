"""Every state of the page, light and dark: it is shown, axe-core finds nothing, and the policy is never broken."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from tests.browser import stage

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize("state", stage.ALL_STATES)
async def test_every_state_is_clean(chrome: Browser, state: str) -> None:
    """No finding of axe-core in light and dark, no violation of the policy, no uncaught error, in any state."""
    setting = await stage.stage_for(chrome, state)
    page = await setting.open("/?view=inspect")
    await stage.show(page, state)
    assert await setting.wrong(page) == []
    await page.set_viewport_size({"width": 390, "height": 844})
    assert await setting.wrong(page) == []


@pytest.mark.parametrize("panel", ["latency", "network", "events", "code"])
async def test_every_panel_is_clean(chrome: Browser, panel: str) -> None:
    """The tabs of the inspector, as a table and with an event open."""
    setting = await stage.stage_for(chrome, "interrupted")
    page = await setting.open("/?view=inspect")
    await stage.show(page, "interrupted")
    await page.click(f"#tab-{panel}")
    if panel == "latency":
        await page.click("#as-table")
    if panel == "events":
        await page.locator("#log-rows button").last.click()
    assert await setting.wrong(page) == []


async def test_every_dialog_is_clean(chrome: Browser) -> None:
    """Settings, export and help over a call."""
    setting = await stage.stage_for(chrome, "interrupted")
    page = await setting.open("/?view=inspect")
    await stage.show(page, "interrupted")
    for opener, dialog in (("#open-settings", "#settings"), ("#open-export", "#export"), ("#open-help", "#help")):
        await page.click(opener)
        await page.locator(f"{dialog}[open]").wait_for()
        assert await setting.wrong(page) == [], dialog
        await page.locator(f"{dialog} [type=submit]").click()


async def test_states_come_from_what_the_server_says(chrome: Browser) -> None:
    """The state has its word, and what the agent says is divided by the ledger into heard and not yet heard."""
    setting = await stage.stage_for(chrome, "speaking")
    page = await setting.open()
    await stage.show(page, "speaking")
    row = page.locator("#rows .agent").last
    assert await row.locator(".heard").inner_text() == "One, two, three,"
    assert (await row.locator(".unheard").inner_text()).strip().startswith("four, five")
    assert await page.locator("#state-word").inner_text() == "Speaking"


async def test_an_interruption_is_marked_where_it_fell(chrome: Browser) -> None:
    """The mark counts the words that were not heard and keeps them, never struck through alone; copies keep the mark."""
    setting = await stage.stage_for(chrome, "interrupted")
    page = await setting.open("/?view=inspect")
    await stage.show(page, "interrupted")
    row = page.locator("#rows .agent").last
    assert "6 words not heard" in await row.locator("summary").inner_text()
    assert await row.locator(".heard").inner_text() == "One, two, three, four,"
    await page.click("#open-export")
    await page.locator("#export[open]").wait_for()
    preview = await page.locator("#preview").input_value()
    assert '"words": 6' in preview
    assert "sk-local" not in preview


async def test_a_false_interruption_goes_on(chrome: Browser) -> None:
    """The paused answer is said to continue; no mark of a cut."""
    setting = await stage.stage_for(chrome, "speaking")
    page = await setting.open()
    await stage.show(page, "speaking")
    await page.evaluate("call.tell({ type: 'reply.paused', response_id: 'r3' })")
    await page.evaluate("call.tell({ type: 'reply.resumed', response_id: 'r3' })")
    row = page.locator("#rows .agent").last
    assert "continued" in await row.inner_text()
    assert await row.locator(".cut").count() == 0


async def test_a_tool_is_run_in_the_page(chrome: Browser) -> None:
    """The function's output goes back, an answer is asked for, and the row says ok."""
    setting = await stage.stage_for(chrome, "listening")
    page = await setting.open()
    await stage.show(page, "listening")
    sent = await page.evaluate("call.sent.filter((one) => one.item?.type === 'function_call_output')")
    assert len(sent) == 1
    assert sent[0]["item"]["call_id"] == "c2"
    assert 1 <= int(sent[0]["item"]["output"].split(":")[1].rstrip("}")) <= 6
    assert "ok" in await page.locator("#rows .tool").inner_text()


async def test_stages_add_up(chrome: Browser) -> None:
    """The chip, the bar and the table hold the sum of the stages that the server measured."""
    setting = await stage.stage_for(chrome, "listening")
    page = await setting.open("/?view=inspect")
    await stage.show(page, "listening")
    assert await page.locator("#rows .chip").all_inner_texts() == ["452 ms", "1,139 ms"]
    await page.click("#as-table")
    cells = await page.locator("#panel-latency tbody tr").nth(1).locator("td").all_inner_texts()
    assert sum(int(cell.replace(",", "")) for cell in cells[:-2]) == 1139
    assert "n 2" in await page.locator("#panel-latency .numbers").inner_text()


async def test_push_to_talk_commits_when_released(chrome: Browser) -> None:
    """Space: clear and listen; released: commit and ask for an answer. Turn detection is off meanwhile."""
    setting = await stage.stage_for(chrome, "listening")
    page = await setting.open("/?ptt=1")
    await stage.show(page, "listening")
    await page.evaluate("call.sent.length = 0; document.activeElement.blur()")
    await page.keyboard.down(" ")
    await page.keyboard.up(" ")
    kinds = await page.evaluate("call.sent.map((one) => one.type).filter((type) => type !== 'ping')")
    assert kinds == ["input_audio_buffer.clear", "input_audio_buffer.commit", "response.create"]


async def test_the_session_is_told_what_was_chosen(chrome: Browser) -> None:
    """Voice, silence, instructions and tools go out with the first update; a model without tools gets none."""
    setting = await stage.stage_for(chrome, "listening")
    page = await setting.open("/?voice=en-GB")
    await stage.show(page, "listening")
    update = await page.evaluate("call.sent.find((one) => one.type === 'session.update').session")
    assert update["audio"]["output"]["voice"] == "en-GB"
    assert update["audio"]["input"]["turn_detection"] == {"type": "server_vad", "silence_duration_ms": 500}
    assert {tool["name"] for tool in update["tools"]} == {"roll_dice", "get_browser_details"}


async def test_what_a_model_writes_is_never_markup(chrome: Browser) -> None:
    """A transcript with tags is shown as its characters, in the page and in the report."""
    evil = "<img src=x onerror=alert(1)><b>bold</b>"
    setting = await stage.stage_for(chrome, "listening")
    page = await setting.open()
    await stage.show(page, "listening")
    for line in stage.exchange(3, evil, evil):
        await page.evaluate(line)
    assert evil in await page.locator("#rows .user").last.inner_text()
    assert await page.locator("#rows img, #rows b").count() == 0
    await page.click("#open-export")
    async with page.expect_download() as started:
        await page.click("[data-name=report]")
    report = (await (await started.value).path()).read_text()
    assert "<img" not in report
    assert "<script" not in report
