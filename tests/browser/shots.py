"""Pictures of the page in its main states, three widths, light and dark: ``python -m tests.browser.shots [state…]``."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Browser

from tests import clips
from tests.browser import stage
from tests.browser.axe import THEMES
from tests.browser.driving import Complaints, browser, open_page, until, write_wav
from tests.servers.voice_server import voice_server

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


async def _forced(chromium: Browser) -> None:
    """Somebody's own few colours, as Windows' contrast themes set them."""
    setting = await stage.stage_for(chromium, "interrupted")
    page = await setting.open("/?view=inspect")
    await stage.show(page, "interrupted")
    await page.emulate_media(forced_colors="active")
    await page.screenshot(path=OUTPUT / "interrupted-desktop-forced.png")
    await setting.context.close()


async def _live() -> None:
    """Every panel of the inspector in a call with the real server and recorded speech."""
    with tempfile.TemporaryDirectory() as folder:
        said = clips.clip("goforward").pcm
        microphone = write_wav(
            Path(folder) / "microphone.wav", [2.0, said, 6.0, said, 3.0, said[: len(said) // 2], 9.0]
        )
        async with voice_server() as server, browser(microphone) as chromium:
            context = await chromium.new_context(viewport={"width": 1440, "height": 900})
            page = await open_page(context, f"{server.url}/?view=inspect", Complaints())
            await page.click("#start")
            await until(page, "document.querySelectorAll('#panel-latency .bar').length > 1", 40)
            await page.wait_for_timeout(600)
            for panel in ("latency", "network", "events", "code"):
                await page.click(f"#tab-{panel}")
                if panel == "events":
                    await page.locator("#log-rows button").last.click()
                for theme in THEMES:
                    await page.emulate_media(color_scheme=theme)
                    await page.wait_for_timeout(120)
                    await page.screenshot(path=OUTPUT / f"live-{panel}-{theme}.png")


async def main(states: list[str]) -> None:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    async with browser() as chromium:
        for state in states or [*stage.ALL_STATES, REFUSED]:
            for size in SIZES:
                await _shots(chromium, state, size)
        if not states:
            await _forced(chromium)
    if not states:
        await _live()
    print(f"pictures are in {OUTPUT}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
