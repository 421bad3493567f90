"""Makes the recordings of OpenAI, Azure and xAI anew: ``python -m tests.bridges.openai.recording``.

They are what went over the wire between our bridge and the simulators; ``tests/live`` makes them of the real providers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bridges import options
from bridges.azure import dial as azure_dial
from bridges.azure.codec import AzureCodec
from bridges.openai import dial as openai_dial
from bridges.openai.codec import OpenAICodec
from bridges.xai import dial as xai_dial
from bridges.xai.codec import XaiCodec
from mediaserver.bridge import Opening
from mediaserver.commands import Interrupt
from mediaserver.events import AudioDelta, ResponseDone, ToolCalled, TranscriptFinal
from mediaserver.settings import Settings, Tool
from tests.bridges.driving import Driving, driving, record
from tests.servers.azure_realtime import DEPLOYMENT, AzureRealtime
from tests.servers.minds import Brain
from tests.servers.openai_realtime import OpenAIRealtime
from tests.servers.xai_realtime import XaiRealtime

FOLDER = Path(__file__).resolve().parents[2] / "recordings"
TOOL = Tool("get_weather", "The weather.", {"type": "object", "properties": {"city": {"type": "string"}}})
SETTINGS = Settings("m", instructions="Be brief.", tools=(TOOL,))


async def spoken_turn(driven: Driving) -> None:
    """Speak, and hear the answer."""
    await driven.speak()
    await driven.until(ResponseDone)
    await driven.until(TranscriptFinal)


async def tool_call(driven: Driving) -> None:
    """Ask for a function, and answer it."""
    driven.ask("use the tool", settings=SETTINGS)
    call = await driven.until(ToolCalled)
    await driven.until(ResponseDone)
    driven.give(call, "sunny", response_id="resp_second", settings=SETTINGS)
    await driven.until(ResponseDone, 2)


async def barge_in(driven: Driving) -> None:
    """Speak into a reply, then stop the next one."""
    driven.ask("count to nine", settings=SETTINGS)
    await driven.until(AudioDelta, 8)
    await driven.speak(speed=4)
    await driven.until(ResponseDone, 2)
    name = driven.ask("count to nine", settings=SETTINGS)
    await driven.until(AudioDelta, len(driven.of(AudioDelta)) + 1)
    driven.send(Interrupt(response_id=name, reason="client_cancelled"))
    await driven.until(ResponseDone, 3)


CASES: dict[str, Callable[[Driving], Awaitable[None]]] = {
    "spoken_turn": spoken_turn,
    "tool_call": tool_call,
    "barge_in": barge_in,
}


def codec_for(provider: str, key: str = "", url: str = "") -> tuple[Any, Any]:
    """Return a fresh codec of a provider and how it dials."""
    if provider == "openai":
        told = options.OpenAI(key=key, url=url)
        return OpenAICodec(told), lambda http: openai_dial.dial(told, http)
    if provider == "xai":
        grok = options.Xai(key=key, url=url)
        return XaiCodec(grok), lambda http: xai_dial.dial(grok, http)
    version = "2025-04-01-preview" if provider == "azure_preview" else ""
    azure = options.Azure(key=key, url=url or "http://host", model=DEPLOYMENT, api_version=version)
    return AzureCodec(azure), lambda http: azure_dial.dial(azure, http)


SIMULATORS: dict[str, type[OpenAIRealtime]] = {
    "openai": OpenAIRealtime,
    "azure": AzureRealtime,
    "azure_preview": AzureRealtime,
    "xai": XaiRealtime,
}


async def make(provider: str, case: str) -> None:
    """Make one recording."""
    speed = 4 if case == "barge_in" else 50
    async with SIMULATORS[provider](speed=speed, chunk_ms=100, brain=Brain("what time is it")) as sim:
        codec, dial = codec_for(provider, sim.key, sim.http if provider.startswith("azure") else sim.url)
        async with driving(codec, dial, Opening(SETTINGS)) as driven:
            await CASES[case](driven)
            record(driven, FOLDER / provider / f"{case}.jsonl", sim.key)


async def main() -> None:
    """Make all of them."""
    for provider in SIMULATORS:
        for case in CASES:
            await make(provider, case)


if __name__ == "__main__":
    asyncio.run(main())
