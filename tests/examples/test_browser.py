"""The smallest page that talks, in Chromium: what the microphone hears is understood, and an answer comes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from tests import clips
from tests.browser.driving import browser, write_wav

PAGE = Path(__file__).resolve().parents[2] / "examples" / "browser.html"
WORDS = "document.querySelector('#words').textContent"

pytestmark = [pytest.mark.browser, pytest.mark.alone, pytest.mark.engines, pytest.mark.timeout(120)]


@asynccontextmanager
async def served(url: str) -> AsyncIterator[str]:
    """Serve the page as any local web server does, another origin than the voice server's, which is at ``url``."""
    text = PAGE.read_text()
    assert text.count("http://localhost:8080") == 1

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text=text.replace("http://localhost:8080", url), content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def test_the_page_talks(server, tmp_path):
    microphone = write_wav(tmp_path / "microphone.wav", [3.0, clips.clip("goforward").pcm, 30.0])
    async with served(server.url) as here, browser(microphone) as chromium:
        page = await chromium.new_page()
        await page.goto(here)
        await page.click("#call")
        await page.wait_for_function(f"{WORDS}.includes('it: ')", timeout=60_000)
        said = await page.text_content("#words")
    assert said.index("you: ") < said.index("it: ")
    assert clips.understood("goforward", said.split("it: ")[0].partition("you: ")[2]), said
