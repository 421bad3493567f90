"""One stream out of several engines."""

import asyncio
from contextlib import aclosing

import pytest

from bridges.backup.line import Line, Patience
from bridges.backup.streams import backed
from mediaserver.errors import BridgeError
from tests.bridges.backup.engines import Mind

SOON = Patience(0.02, 0.05)
NO = BridgeError("no", code="unavailable")


async def all_of(*minds: Mind, patience: Patience = SOON) -> list[object]:
    asked = backed(Line(minds), lambda mind: mind.reply([]), patience, "it")
    return [piece async for piece in asked]


async def test_what_comes_from_the_first() -> None:
    one, two = Mind("a", "b"), Mind("c")
    assert await all_of(one, two) == ["a", "b"]
    assert (one.closed, two.asked) == (1, [])


async def test_an_empty_answer_is_an_answer() -> None:
    assert await all_of(Mind(), Mind("c")) == []


async def test_another_goes_on() -> None:
    one, two, three = Mind("a", NO), Mind(NO), Mind("c")
    assert await all_of(one, two, three) == ["a", "c"]
    assert one.closed == two.closed == three.closed == 1


async def test_one_that_does_not_begin_and_one_that_falls_silent() -> None:
    one, two, three = Mind(asyncio.Event()), Mind("b", asyncio.Event()), Mind("c")
    assert await all_of(one, two, three) == ["b", "c"]
    assert one.closed == two.closed == three.closed == 1


async def test_nobody_is_left() -> None:
    with pytest.raises(BridgeError) as failed:
        await all_of(Mind("a", NO))
    assert failed.value is NO


async def test_who_leaves_stops_it() -> None:
    one = Mind("a", asyncio.Event())
    async with aclosing(backed(Line([one]), lambda mind: mind.reply([]), SOON, "it")) as pieces:
        assert await anext(pieces) == "a"
    assert one.closed == 1
