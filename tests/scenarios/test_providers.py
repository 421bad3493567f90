"""Every provider through the whole server: all kinds of turn over a WebSocket, and what becomes of a call when it fails.

The figures are for ``python -m benchmarks.matrix`` and ``python -m benchmarks.faults``; here only what must be so counts.
"""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.faults.scenarios import SCENARIOS
from benchmarks.matrix.cells import run_way
from benchmarks.matrix.clients import over_websocket
from tests.servers.fleet import FLEET
from tests.servers.voice_server import voice_server

AT_ONCE = 4


@pytest.mark.timeout(300)
async def test_every_kind_of_turn_works_or_is_refused_with_a_reason() -> None:
    rows = await run_way("websocket", [*FLEET])
    failed = {name: cell for name, row in rows.items() for cell in row.values() if cell.startswith("FAILED")}
    assert not failed
    refused = {name for name, row in rows.items() if row["text turn"].startswith("refused")}
    assert refused == {"live"}  # GPT-Live has no written turns


async def test_the_server_as_a_user_starts_it_reaches_a_provider() -> None:
    """On the loop that it really runs on, which is not the one of the tests."""
    entry = FLEET["openai"]
    async with entry.make() as sim:
        models = {"far": {"bridge": "openai", "provider": entry.options(sim)}}
        async with (
            voice_server({"models": models, "default_model": "far"}) as server,
            over_websocket(server.url, "far") as client,
        ):
            await client.write("Hello there.")
            assert await client.until(lambda told: any(one.kind == "done" for one in told), 0, 30)
            (done,) = [one for one in client.told if one.kind == "done"]
            assert (done.name, done.text) == ("completed", "You said hello there. That is my answer.")


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "fault",
    [
        *(pytest.param(f"P1 {when}", marks=pytest.mark.campaign) for when in ("mid-utterance", "mid-reply")),
        "P6 all down",
    ],
)
async def test_a_call_outlives_its_provider(fault: str) -> None:
    place = asyncio.Semaphore(AT_ONCE)

    async def run(provider: str) -> list[str]:
        async with place:
            return (await SCENARIOS[fault](provider)).wrong

    wrong = await asyncio.gather(*(run(name) for name in FLEET))
    assert {name: one for name, one in zip(FLEET, wrong, strict=True) if one} == {}
