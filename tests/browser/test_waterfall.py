"""The bars of the page against a bridge whose delays are known: what is drawn is what happened."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Page

from mediaserver.bridge import BridgeFactory
from mediaserver.config import Config, Media
from signaling.app import build
from tests import clips
from tests.browser.driving import Complaints, browser, open_page, until, write_wav
from tests.fakes.bridge import Delays, Reply, ScriptedBridge

pytestmark = [pytest.mark.browser, pytest.mark.alone, pytest.mark.timeout(60)]

DELAYS = Delays(transcript=120, model=250, speech=180)
TURNS = 2
WITHIN_MS = 15
FRAME_MS = 20
DTX_MS = FRAME_MS
"""The browser sends nothing in silence: what it left out is made up a frame after its time at most."""
KNOWN = {"end of turn": 500, "transcript": DELAYS.transcript, "model": DELAYS.model, "speech": DELAYS.speech}
"""Milliseconds of each stage: the silence that ends a turn by default, then the delays of the script."""

BARS = """[...document.querySelectorAll('#panel-latency .bar')].map((bar) => [...bar.querySelectorAll('g')].map((block) => [
  block.querySelector('title').textContent.replace(/ [\\d,.]+ ms$/, ''),
  (Number(block.querySelector('rect').getAttribute('width')) + 1) * 2000 / 340,
]))"""
"""The stages as they are drawn: name and milliseconds by the width of the block on the axis."""


@asynccontextmanager
async def _scripted(provider: str, settings: Mapping[str, Any], path: str) -> AsyncIterator[BridgeFactory]:
    yield lambda model: ScriptedBridge(
        hears=["go forward ten meters"] * TURNS, says=[Reply("Yes, of course.")] * TURNS, delays=DELAYS
    )


@asynccontextmanager
async def _server() -> AsyncIterator[str]:
    app = build(Config(media=Media(port=0, addresses=("127.0.0.1",))), providers=_scripted)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


async def _bars(page: Page) -> list[dict[str, float]]:
    return [dict(stages) for stages in await page.evaluate(BARS)]


async def test_every_stage_is_drawn_as_long_as_it_was(tmp_path: Path) -> None:
    """Two spoken turns: each block is within 15 ms of the script, and the table holds the same figures."""
    speech = clips.clip("goforward").pcm
    microphone = write_wav(tmp_path / "microphone.wav", [1.5, speech, 3.5, speech, 20.0])
    async with _server() as url, browser(microphone) as chromium:
        complaints = Complaints()
        page = await open_page(await chromium.new_context(), f"{url}?view=inspect", complaints)
        await page.click("#start")
        await until(page, f"document.querySelectorAll('#panel-latency .bar').length === {TURNS}", 30)
        bars = await _bars(page)
        await page.click("#as-table")
        table = await page.locator("#panel-latency tbody tr").all_inner_texts()
        await page.click("#end")
        wrong = await page.evaluate("violations") + complaints.errors

    print("\nstage", *KNOWN, "deliver", sep="\t")
    print("known", *KNOWN.values(), f"<{FRAME_MS}", sep="\t")
    for n, bar in enumerate(bars, 1):
        print(f"turn {n}", *(f"{ms:.1f}" for ms in bar.values()), sep="\t")
    assert wrong == []
    for bar, row in zip(bars, table, strict=True):
        assert list(bar) == [*KNOWN, "deliver"]
        late = bar["end of turn"] - KNOWN["end of turn"]
        assert -WITHIN_MS <= late <= DTX_MS + WITHIN_MS
        assert {name: bar[name] for name in KNOWN} == pytest.approx(
            KNOWN | {"end of turn": bar["end of turn"]}, abs=WITHIN_MS
        )
        assert bar["deliver"] <= FRAME_MS + WITHIN_MS
        cells = [int(cell.replace(",", "")) for cell in row.split("\t")[1 : 1 + len(bar)]]
        assert cells[: len(KNOWN)] == pytest.approx([bar[name] for name in KNOWN], abs=1)
