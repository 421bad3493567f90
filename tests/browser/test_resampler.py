"""The page's resampler by itself: what passes, what does not, and how much comes out of how much."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from tests.browser import stage

pytestmark = [pytest.mark.browser, pytest.mark.timeout(60), pytest.mark.asyncio(loop_scope="module")]

LEVEL = """async ([from, to, hertz]) => {
  const { Resampler } = await import('/static/worklet/resampler.js')
  const [resampler, made] = [new Resampler(from, to), []]
  for (let at = 0; at < from; at += 128) {
    const sine = (_, i) => Math.sin((2 * Math.PI * hertz * (at + i)) / from)
    made.push(...resampler.feed(Float32Array.from({ length: Math.min(128, from - at) }, sine)))
  }
  const steady = made.slice(to / 10)
  return [made.length, Math.sqrt((2 * steady.reduce((sum, one) => sum + one * one, 0)) / steady.length)]
}"""


async def test_speech_passes_and_what_would_fold_back_does_not(chrome: Browser) -> None:
    """A second of one rate is a second of the other; 1 kHz keeps its level, 16 kHz is not heard at 24 kHz."""
    setting = await stage.stage_for(chrome, "idle")
    page = await setting.open()
    for rate in (8_000, 16_000, 44_100, 48_000, 96_000):
        for way in ((rate, 24_000), (24_000, rate)):
            count, level = await page.evaluate(LEVEL, [*way, 1_000])
            assert count == pytest.approx(way[1], abs=40), way
            assert level == pytest.approx(1, abs=0.02), way
    _, folded = await page.evaluate(LEVEL, [48_000, 24_000, 16_000])
    assert folded < 0.01
