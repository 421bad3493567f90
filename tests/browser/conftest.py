"""One Chromium for a module: each test has its contexts to itself, and they are closed behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser

from tests.browser.driving import browser


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_chrome() -> AsyncIterator[Browser]:
    """Start Chromium once, with beeps for a microphone."""
    async with browser() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def chrome(module_chrome: Browser) -> AsyncIterator[Browser]:
    """Give the module's Chromium; whatever the test opened in it is closed."""
    yield module_chrome
    for context in module_chrome.contexts:
        await context.close()
