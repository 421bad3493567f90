"""Where no UDP passes the page speaks over a WebSocket: recorded speech is answered, and an answer is cut by speech."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from tests import clips
from tests.browser.driving import Complaints, browser, call_through, open_page, until, write_wav
from tests.browser.test_conversation import COUNT, saved_call
from tests.servers.impaired_door import impaired_door
from tests.servers.udp_impair import Weather
from tests.servers.voice_server import voice_server

pytestmark = [pytest.mark.browser, pytest.mark.alone, pytest.mark.engines, pytest.mark.timeout(120)]

LISTEN = """(() => {
  const context = new AudioContext()
  const analyser = new AnalyserNode(context)
  context.createMediaStreamSource(document.getElementById('audio').srcObject).connect(analyser)
  const samples = new Float32Array(analyser.fftSize)
  window.loudness = () => (analyser.getFloatTimeDomainData(samples), Math.max(...samples.map(Math.abs)))
})()"""


async def _call(page: Page) -> None:
    began = time.perf_counter()
    await page.click("#start")
    standing = "html:is([data-state=listening], [data-state=hearing])"
    await page.wait_for_selector(standing, state="attached", timeout=20_000)
    print(f"over a WebSocket {time.perf_counter() - began:.2f} s after the click")


async def test_a_conversation_without_udp(tmp_path: Path) -> None:
    """The page says how it speaks; a typed question is answered aloud, speech cuts it, is understood and answered."""
    microphone = write_wav(tmp_path / "microphone.wav", [7.0, clips.clip("goforward").pcm, 20.0])
    async with (
        voice_server() as server,
        browser(microphone) as chromium,
        impaired_door(server.url, Weather(loss=1.0)) as (door, _),
    ):
        complaints, context = Complaints(), await chromium.new_context(viewport={"width": 1440, "height": 900})
        await call_through(context, server.url, door)
        page = await open_page(context, f"{server.url}/?view=inspect", complaints)
        await _call(page)
        assert "WebSocket" in await page.locator("#carrier").inner_text()
        await page.evaluate(LISTEN)
        await page.fill("#text", COUNT)
        await page.keyboard.press("Enter")
        await until(page, "loudness() > 0.05", 10)
        await page.locator("#rows .cut").wait_for(timeout=25_000)
        await until(page, "document.querySelectorAll('#rows .agent .heard:not(:empty)').length === 2", 25)
        await until(page, "loudness() > 0.05", 10)
        saved = await saved_call(page)
        await page.click("#end")
        await page.wait_for_selector("html[data-state=ended]", state="attached")
        wrong = await page.evaluate("violations") + complaints.errors
    assert wrong == []
    assert saved["session"]["carrier"] == "websocket"
    assert _messages(saved, "error") == []
    _speech_was_understood(saved)
    _cut_where_it_was_heard(saved)


def _messages(saved: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [entry["message"] for entry in saved["events"] if entry["type"] == kind]


def _speech_was_understood(saved: dict[str, Any]) -> None:
    spoken = next(row for row in saved["rows"] if row["kind"] == "user" and row.get("kindOf") != "typed")
    assert clips.understood("goforward", spoken["text"]), spoken["text"]
    assert next(turn for turn in saved["turns"] if turn["item"] == spoken["id"])["stages"]


def _cut_where_it_was_heard(saved: dict[str, Any]) -> None:
    asked, done = _messages(saved, "conversation.item.truncate")[0], _messages(saved, "conversation.item.truncated")[0]
    assert (asked["item_id"], asked["audio_end_ms"]) == (done["item_id"], done["audio_end_ms"])
    assert asked["audio_end_ms"] > 0
    assert asked["item_id"] == next(row for row in saved["rows"] if row["cut"])["id"]
