"""Pictures of the page in its main states, three widths, light and dark: ``python -m tests.browser.shots [state…]``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from playwright.async_api import Browser

from tests.browser import stage
from tests.browser.axe import THEMES
from tests.browser.driving import browser

OUTPUT = Path(__file__).resolve().parents[2] / "test-output" / "shots"
SIZES = {"desktop": (1440, 900), "tablet": (768, 1024), "phone": (390, 844)}
VIEWS = {"idle": "simple", "asking": "simple", "connecting": "simple", "listening": "simple"}
REFUSED = "error"


async def _shots(chromium: Browser, state: str, size: str) -> None:
    width, height = SIZES[size]
    if state == REFUSED:
        script = stage.microphone_refused("NotAllowedError", "Permission denied")
        setting = await stage.stage(chromium, script=script, width=width, height=height)
    else:
        setting = await stage.stage_for(chromium, state, width=width, height=height)
    page = await setting.open(f"/?view={VIEWS.get(state, 'inspect')}")
    if state == REFUSED:
        await page.click("#start")
        await page.locator(".card").wait_for()
    else:
        await stage.show(page, state)
    for theme in THEMES:
        await page.emulate_media(color_scheme=theme)
        await page.wait_for_timeout(120)  # the meters are drawn again
        await page.screenshot(path=OUTPUT / f"{state}-{size}-{theme}.png")
    await setting.context.close()


async def main(states: list[str]) -> None:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    async with browser() as chromium:
        for state in states or [*stage.ALL_STATES, REFUSED]:
            for size in SIZES:
                await _shots(chromium, state, size)
    print(f"pictures are in {OUTPUT}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
