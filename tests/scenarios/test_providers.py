"""Every provider through the whole server: all kinds of turn over a WebSocket, and what becomes of a call when it fails.

The figures are for ``python -m benchmarks.matrix`` and ``python -m benchmarks.faults``; here only what must be so counts.
"""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.faults.scenarios import SCENARIOS
from benchmarks.matrix.cells import run_way
from tests.servers.fleet import FLEET

AT_ONCE = 4


@pytest.mark.timeout(300)
async def test_every_kind_of_turn_works_or_is_refused_with_a_reason() -> None:
    rows = await run_way("websocket", [*FLEET])
    failed = {name: cell for name, row in rows.items() for cell in row.values() if cell.startswith("FAILED")}
    assert not failed
    refused = {name for name, row in rows.items() if row["text turn"].startswith("refused")}
    assert refused == {"live"}  # GPT-Live has no written turns


@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", ["P1 mid-utterance", "P1 mid-reply", "P6 all down"])
async def test_a_call_outlives_its_provider(fault: str) -> None:
    place = asyncio.Semaphore(AT_ONCE)

    async def run(provider: str) -> list[str]:
        async with place:
            return (await SCENARIOS[fault](provider)).wrong

    wrong = await asyncio.gather(*(run(name) for name in FLEET))
    assert {name: one for name, one in zip(FLEET, wrong, strict=True) if one} == {}
