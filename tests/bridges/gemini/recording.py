"""Makes the recordings of Gemini anew: ``python -m tests.bridges.gemini.recording``.

They are what went over the wire between our bridge and the simulator; ``tests/live`` makes them of the real service.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

from bridges.gemini.codec import GeminiCodec
from bridges.gemini.dial import dial
from bridges.options import Gemini
from mediaserver.bridge import Opening
from mediaserver.events import AudioDelta, ReplyCut, ResponseDone, Resumable, ToolCalled
from mediaserver.settings import Settings, Tool
from tests.bridges.driving import Driving, driving
from tests.servers.gemini_live import GeminiLive
from tests.servers.minds import Brain

FOLDER = Path(__file__).resolve().parents[2] / "recordings" / "gemini"
TOOL = Tool("get_time", "The time.", {"type": "object", "properties": {"zone": {"type": "string"}}})
SETTINGS = Settings("m", instructions="Be brief.", tools=(TOOL,))
SHORT = 96


async def spoken_turn(driven: Driving) -> None:
    """Speak, and hear the answer."""
    await driven.speak()
    await driven.until(ResponseDone)
    await driven.until(Resumable, 2)


async def text_turn(driven: Driving) -> None:
    """Write, and hear the answer."""
    driven.ask("hello", settings=SETTINGS)
    await driven.until(ResponseDone)


async def tool_call(driven: Driving) -> None:
    """Ask for a function, and answer it."""
    driven.ask("use the tool", settings=SETTINGS)
    call = await driven.until(ToolCalled)
    driven.give(call, "14:05", response_id="resp_second", settings=SETTINGS)
    await driven.until(ResponseDone, 2)


async def barge_in(driven: Driving) -> None:
    """Speak into a reply, and hear the next one."""
    driven.ask("count to nine", settings=SETTINGS)
    await driven.until(AudioDelta, 4)
    await driven.speak(speed=4)
    await driven.until(ReplyCut)
    await driven.until(ResponseDone, 2)


CASES: dict[str, Callable[[Driving], Awaitable[None]]] = {
    "spoken_turn": spoken_turn,
    "text_turn": text_turn,
    "tool_call": tool_call,
    "barge_in": barge_in,
}


async def make(case: str) -> None:
    """Make one recording."""
    async with GeminiLive(speed=4 if case == "barge_in" else 50, brain=Brain("what time is it")) as sim:
        chosen = Gemini(key=sim.key, url=sim.url)
        async with driving(GeminiCodec(chosen), lambda http: dial(chosen, http), Opening(SETTINGS)) as driven:
            await CASES[case](driven)
            record(driven, FOLDER / f"{case}.jsonl")


def record(driven: Driving, path: Path) -> None:
    """Write one message a line as text, sound shortened; of the caller's sound the first message of each run."""
    rows: list[dict[str, str]] = []
    for message, sent in driven.wire:
        told = json.loads(message)
        _shorten(told)
        row = {"from": "client" if sent else "server", "text": json.dumps(told)}
        if not (rows and _is_sound(row) and _is_sound(rows[-1])):
            rows.append(row)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _is_sound(row: dict[str, str]) -> bool:
    return row["from"] == "client" and '"audio/pcm' in row["text"]


def _shorten(told: object) -> None:
    if isinstance(told, dict):
        if isinstance(told.get("data"), str):
            told["data"] = told["data"][:SHORT]
        for each in told.values():
            _shorten(each)
    elif isinstance(told, list):
        for each in told:
            _shorten(each)


async def main() -> None:
    """Make all of them."""
    for case in CASES:
        await make(case)


if __name__ == "__main__":
    asyncio.run(main())
