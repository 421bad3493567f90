"""Deadlines on the pieces of a stream."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from bridges.within import within
from mediaserver.errors import BridgeError


class Stream:
    def __init__(self, *waits: float) -> None:
        self._waits = waits
        self.closed = False

    async def pieces(self) -> AsyncGenerator[int, None]:
        try:
            for number, wait in enumerate(self._waits):
                await asyncio.sleep(wait)
                yield number
        finally:
            self.closed = True


async def test_everything_in_time_passes() -> None:
    stream = Stream(0, 0, 0)
    assert [piece async for piece in within(stream.pieces(), 5, 5, "it", "late")] == [0, 1, 2]


@pytest.mark.parametrize(("waits", "came"), [((5.0,), []), ((0.0, 5.0), [0])])
async def test_a_late_piece_is_the_end(waits: tuple[float, ...], came: list[int]) -> None:
    stream, got = Stream(*waits), []
    with pytest.raises(BridgeError) as late:
        async for piece in within(stream.pieces(), 0.05, 0.05, "it", "late"):
            got.append(piece)  # noqa: PERF401 - a failure comes in the middle
    assert (got, late.value.code, stream.closed) == (came, "late", True)


async def test_who_leaves_closes_the_stream() -> None:
    stream = Stream(0, 5)
    async with aclosing(within(stream.pieces(), 5, 5, "it", "late")) as pieces:
        assert await anext(pieces) == 0
    assert stream.closed
