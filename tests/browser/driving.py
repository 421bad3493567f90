"""Chromium for the tests of the page: how it is started, what its microphone hears, and what it complained of."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import wave
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, Route, async_playwright

from tests import clips
from tests.servers.udp_impair import without_candidates

FLAGS = (
    "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", "--headless", "--no-sandbox", "--disable-gpu",
    "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)  # fmt: skip
VIOLATIONS = """
window.violations = [];
addEventListener('securitypolicyviolation', (event) => violations.push(
  `${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber} ${event.sample}`));
"""


def chromium() -> str:
    """Return the path of a Chromium. Without one the test is skipped, but fails where CI is set."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    reason = "no Chromium on this machine: `make test` installs one where it may"
    return pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


@dataclass
class Complaints:
    """What went wrong inside the page."""

    errors: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Collect uncaught exceptions and what was written to the console as an error."""
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self.errors.append(said.text) if _bad(said.type, said.text) else None)


def _bad(kind: str, text: str) -> bool:
    refused_request = text.startswith("Failed to load resource")  # an answer such as 503 is what some tests are about
    return kind == "error" and not refused_request


@contextlib.asynccontextmanager
async def browser(microphone: Path | None = None, *flags: str, again: bool = False) -> AsyncIterator[Browser]:
    """Run Chromium; its microphone plays ``microphone`` once (or ``again`` and again) from when it is opened, else beeps."""
    heard = [f"--use-file-for-fake-audio-capture={microphone}{'' if again else '%noloop'}"] if microphone else []
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium(), args=[*FLAGS, *heard, *flags])
        try:
            yield running
        finally:
            await running.close()


async def open_page(context: BrowserContext, url: str, complaints: Complaints) -> Page:
    """Open the page and wait until it is ready to be used."""
    page = await context.new_page()
    complaints.watch(page)
    await page.add_init_script(VIOLATIONS)
    await page.goto(url)
    await page.wait_for_selector("html[data-ready=yes]", state="attached")
    return page


async def call_through(context: BrowserContext, url: str, door: str) -> None:
    """Have pages of ``url`` call at ``door`` (:mod:`tests.servers.impaired_door`), with offers that name no address."""

    async def through_the_door(route: Route) -> None:
        offer = route.request.post_data or ""
        answer = await route.fetch(url=route.request.url.replace(url, door), post_data=without_candidates(offer))
        await route.fulfill(response=answer)

    await context.route("**/v1/realtime/calls**", through_the_door)


async def until(page: Page, condition: str, limit_s: float = 10.0) -> None:
    """Wait until an expression is true in the page; asked from here, since the page's policy forbids to evaluate text."""
    async with asyncio.timeout(limit_s):
        while not await page.evaluate(condition):
            await asyncio.sleep(0.02)


def write_wav(path: Path, parts: Sequence[float | bytes]) -> Path:
    """Write a WAV for the microphone: numbers are seconds of silence, bytes are PCM16 at 16 kHz."""
    sound = b"".join(part if isinstance(part, bytes) else bytes(int(part * clips.RATE) * 2) for part in parts)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(clips.RATE)
        file.writeframes(sound)
    return path
