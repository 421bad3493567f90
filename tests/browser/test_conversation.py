"""Two turns and an interruption against the real server, with recorded speech as the microphone."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from tests import clips
from tests.browser.driving import Complaints, browser, open_page, until, write_wav
from tests.servers.voice_server import voice_server

pytestmark = [pytest.mark.browser, pytest.mark.alone, pytest.mark.engines, pytest.mark.timeout(180)]

COUNT = "count to twenty"


def _words(text: str) -> int:
    return len([word for word in text.split() if any(letter.isalnum() for letter in word)])


async def saved_call(page: Page) -> dict[str, Any]:
    """Return the call as the page would save it."""
    await page.click("#open-export")
    async with page.expect_download() as started:
        await page.click("[data-name=json]")
    saved: dict[str, Any] = json.loads((await (await started.value).path()).read_text())
    await page.locator("#export [type=submit]").click()
    return saved


async def test_two_turns_and_an_interruption(tmp_path: Path) -> None:
    """A spoken question is answered; a long answer is cut by speech, and the mark agrees with the server's ledger."""
    speech = clips.clip("goforward").pcm
    microphone = write_wav(tmp_path / "microphone.wav", [2.0, speech, 9.0, clips.clip("librivox_0880").pcm, 12.0])
    async with voice_server() as server, browser(microphone) as chromium:
        complaints = Complaints()
        context = await chromium.new_context(viewport={"width": 1440, "height": 900})
        page = await open_page(context, f"{server.url}/?view=inspect", complaints)
        await page.click("#start")
        await page.locator("#rows .agent .heard:not(:empty)").first.wait_for(timeout=20_000)
        await until(page, "document.documentElement.dataset.state === 'listening'", 15)
        await page.fill("#text", COUNT)
        await page.keyboard.press("Enter")
        await page.locator("#rows .cut").wait_for(timeout=25_000)
        await page.click("#rows .cut button")
        await page.locator("#rows .remembered").wait_for(timeout=5_000)
        await asyncio.sleep(2.0)
        saved = await saved_call(page)
        await page.click("#end")
        await page.wait_for_selector("html[data-state=ended]", state="attached")
        wrong = await page.evaluate("violations") + complaints.errors

    assert wrong == []
    _question_was_answered(saved)
    _cut_agrees_with_the_ledger(saved)


def _question_was_answered(saved: dict[str, Any]) -> None:
    user, agent = saved["rows"][:2]
    assert (user["kind"], agent["kind"]) == ("user", "agent")
    assert clips.understood("goforward", user["text"]), user["text"]
    assert agent["heard"]
    turn = saved["turns"][0]
    assert turn["total"] == pytest.approx(sum(stage["ms"] for stage in turn["stages"]), abs=0.01)
    assert all(a["end"] == b["start"] for a, b in zip(turn["stages"], turn["stages"][1:], strict=False))
    assert turn["ear"] is not None
    assert abs(turn["ear"] - turn["total"] - turn["estimate"]) < 400  # one clock each; the machine may be busy


def _cut_agrees_with_the_ledger(saved: dict[str, Any]) -> None:
    row = next(row for row in saved["rows"] if row["cut"])
    truth = [entry["message"] for entry in saved["events"] if entry["type"] == "interrupted"][-1]
    assert truth["unheard"].strip()
    assert abs(_words(row["heard"]) - _words(truth["text"])) <= 1
    assert abs(_words(row["remembered"]) - _words(truth["text"])) <= 1
    assert abs(row["cut"]["words"] - _words(truth["unheard"])) <= 1
    truncated = [entry for entry in saved["events"] if entry["type"] == "conversation.item.truncated"]
    assert abs(truncated[-1]["message"]["audio_end_ms"] - row["cut"]["played"]) <= 20
