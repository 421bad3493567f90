"""Clients of the browser in a tab: bundled once, and loaded from the server's own origin."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Route

from tests.conformance.packages import installed
from tests.servers.voice_server import VoiceServer

BUILD_S = 60


def bundled(clients: Path, folder: Path, config: pytest.Config) -> Path:
    """Return the folder with the page and its script in it."""
    shutil.copytree(clients, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
    installed(folder, clients / "package-lock.json", config)
    subprocess.run(["npm", "run", "build"], cwd=folder, check=True, capture_output=True, timeout=BUILD_S)
    return folder


@asynccontextmanager
async def tab(browser: Browser, server: VoiceServer, bundle: Path) -> AsyncIterator[Page]:
    """Open the bundled page as one of the server's own origin, in a context that is closed in the end."""

    async def fulfil(route: Route) -> None:
        await route.fulfill(path=bundle / (route.request.url.rsplit("/", 1)[1] or "index.html"))

    async with await browser.new_context() as context:
        page = await context.new_page()
        await page.route("**/conformance/*", fulfil)
        await page.goto(f"{server.url}/conformance/index.html")
        yield page


async def until(page: Page, condition: str, limit_s: float = 30) -> None:
    """Wait until an expression is true in the page."""
    await page.wait_for_function(condition, timeout=limit_s * 1000)
