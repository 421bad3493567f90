import asyncio
import time

import pytest

from mediaserver.telemetry.lag import BOUNDS_S, EVERY_S, MOST_OWED, LoopLag


def seen(lag: LoopLag) -> dict[float, int]:
    return {bound: count for bound, count in zip((*BOUNDS_S, float("inf")), lag.counts, strict=True) if count}


@pytest.mark.parametrize(
    ("late", "counted"),
    [
        (-0.001, {0.001: 1}),  # a timer may be a little early
        (0.0004, {0.001: 1}),
        (0.02, {0.02: 1}),
        (0.0201, {0.03: 1, 0.001: 1}),  # the next look, due 0.1 ms ago, was missed too
        (0.071, {0.075: 2, 0.05: 1, 0.015: 1}),
        (9.0, {float("inf"): MOST_OWED}),
    ],
)
def test_a_stop_is_counted_with_all_the_looks_that_it_cost(late: float, counted: dict[float, int]) -> None:
    lag = LoopLag()
    lag.note(late)
    assert seen(lag) == counted


async def test_a_loop_that_stands_still_is_noticed() -> None:
    lag = LoopLag()
    with lag.looking():
        await asyncio.sleep(2 * EVERY_S)
        time.sleep(0.3)  # noqa: ASYNC251 - that is what is to be noticed
        await asyncio.sleep(2 * EVERY_S)
    before = sum(lag.counts)
    assert sum(count for bound, count in seen(lag).items() if bound > 0.1) >= 5
    await asyncio.sleep(3 * EVERY_S)
    assert sum(lag.counts) == before, "it still looks"
