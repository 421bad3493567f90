"""One server with the models that every client is tried against: our own engines, and two providers' simulators."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from tests.leaks import GRACE_S, Census
from tests.servers.fleet import FLEET
from tests.servers.voice_server import VoiceServer, voice_server

FAR = ("openai", "gemini")
BACKENDS = ("local", *FAR)

WEATHER = "what is the weather in Oslo"
ASKED = {"local": WEATHER} | dict.fromkeys(FAR, f"call the get_weather tool: {WEATHER}")  # what makes it call the tool
LONG = "count to twenty"


@asynccontextmanager
async def backends(extra: dict[str, Any] | None = None) -> AsyncIterator[VoiceServer]:
    """Run the server as a user starts it; ``local``, ``openai`` and ``gemini`` are the names of its models."""
    async with AsyncExitStack() as stack:
        models: dict[str, Any] = {"local": {}}
        for name in FAR:
            sim = await stack.enter_async_context(FLEET[name].make())
            models[name] = {"bridge": name, "provider": FLEET[name].options(sim)}
        yield await stack.enter_async_context(voice_server({"models": models, **(extra or {})}))


@asynccontextmanager
async def hung_up() -> AsyncIterator[None]:
    """Let the simulators, which live on the tests' own loop, see to the end that the calls made in here are over."""
    base = Census.take()
    yield
    async with asyncio.timeout(GRACE_S):
        while Census.take().since(base):
            await asyncio.sleep(0.02)
