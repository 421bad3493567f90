"""axe-core over a page: what it finds wrong, in sentences."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

import axe_playwright_python
from playwright.async_api import Page

THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@cache
def _source() -> str:
    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()


async def violations(page: Page) -> list[str]:
    """Return every violation with the elements that have it, in the light and in the dark theme."""
    await page.evaluate(_source())
    found = []
    for theme in THEMES:
        await page.emulate_media(color_scheme=theme)
        found += [f"{theme}: {each}" for each in await _violations(page)]
    return found


async def _violations(page: Page) -> list[str]:
    found = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
