"""One server for a module: each example calls it as its user would."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.servers.voice_server import VoiceServer, voice_server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[VoiceServer]:
    """Run the server with what it does by default, except that in the end it waits for no call that was left open."""
    async with voice_server({"server": {"drain_s": 0.5}}) as running:
        yield running
