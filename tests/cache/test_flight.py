import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from mediaserver.cache import flight as module
from mediaserver.cache.flight import Flights
from mediaserver.errors import BridgeError


class Upstream:
    """Makes ``a b c``, one piece for each ``go``; counts its requests and those that were closed."""

    def __init__(self, *fails: Exception, pieces: str = "abc") -> None:
        self.requests = self.closed = self.made = 0
        self.fails = [*fails]
        self.pieces = pieces
        self.go = asyncio.Semaphore(0)

    def let(self, count: int = 100) -> None:
        for _ in range(count):
            self.go.release()

    async def start(self) -> AsyncGenerator[str, None]:
        self.requests += 1
        try:
            for piece in self.pieces:
                await self.go.acquire()
                if self.fails:
                    raise self.fails.pop(0)
                self.made += 1
                yield piece
        finally:
            self.closed += 1


class Listener:
    def __init__(self, flights: Flights[str], up: Upstream, key: str = "k") -> None:
        self.heard: list[str] = []
        self.joined = False
        self._ride = flights.ride(key, up.start, self._join)

    def _join(self) -> None:
        self.joined = True

    async def listen(self) -> str:
        async with aclosing(self._ride) as pieces:
            async for piece in pieces:
                self.heard.append(piece)
        return "".join(self.heard)


@asynccontextmanager
async def opened(most: int = 1000) -> AsyncIterator[tuple[Flights[str], asyncio.TaskGroup]]:
    async with asyncio.timeout(10), Flights[str](len, most=most).opened() as flights, asyncio.TaskGroup() as tasks:
        yield flights, tasks


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_stampede_is_one_request_and_all_hear_all_of_it_as_it_comes():
    up = Upstream()
    async with opened() as (flights, tasks):
        listeners = [Listener(flights, up) for _ in range(100)]
        listening = [tasks.create_task(each.listen()) for each in listeners]
        up.let(1)
        await settled()
        assert all(each.heard == ["a"] for each in listeners)
        late = Listener(flights, up)
        listening.append(tasks.create_task(late.listen()))
        await settled()
        assert late.heard == ["a"]
        up.let()
    assert {task.result() for task in listening} == {"abc"}
    assert up.requests == up.closed == 1 and sum(not each.joined for each in listeners) == 1
    assert len(flights) == 0


async def test_other_keys_are_other_requests_and_one_that_is_over_is_not_joined():
    up = Upstream()
    up.let()
    async with opened() as (flights, tasks):
        for key in ("k", "k", "l"):
            assert await tasks.create_task(Listener(flights, up, key).listen()) == "abc"
    assert up.requests == 3


async def test_it_goes_on_for_the_others_when_the_first_leaves_and_stops_when_nobody_is_left():
    up = Upstream()
    async with opened() as (flights, tasks):
        first, second = (tasks.create_task(Listener(flights, up).listen()) for _ in range(2))
        up.let(1)
        await settled()
        first.cancel()
        await settled()
        assert up.closed == 0
        up.let(1)
        await settled()
        second.cancel()
        await asyncio.wait({second})
        assert up.closed == 1 and up.made == 2 and len(flights) == 0
        third = tasks.create_task(Listener(flights, up).listen())
        up.let()
        assert await third == "abc" and up.requests == 2


async def test_who_leaves_at_once_leaves_nothing():
    up = Upstream()
    async with opened() as (flights, tasks):
        hasty = tasks.create_task(Listener(flights, up).listen())
        await asyncio.sleep(0)
        hasty.cancel()
        await asyncio.wait({hasty})
        assert len(flights) == 0


@pytest.mark.parametrize(("failures", "well"), [(1, 99), (2, 0)])
async def test_where_the_first_fails_with_nothing_the_next_tries_and_no_third(failures, well):
    up = Upstream(*(BridgeError("down") for _ in range(failures)))
    async with opened() as (flights, tasks):
        listening = [tasks.create_task(_outcome(Listener(flights, up))) for _ in range(100)]
        await settled()
        up.let()
    results = [task.result() for task in listening]
    assert results.count("abc") == well and results.count("down") == 100 - well
    assert up.requests == 2


async def _outcome(listener: Listener) -> str:
    try:
        return await listener.listen()
    except BridgeError as failure:
        return str(failure)


@pytest.mark.parametrize("failure", [BridgeError("no", retryable=False), BridgeError("half")])
async def test_what_no_try_can_help_is_told_to_all(failure):
    up = Upstream(failure)
    async with opened() as (flights, tasks):
        if failure.retryable:
            up.fails, up.pieces = [], "a"
            up.start = half(up, failure)  # type: ignore[method-assign]
        listening = [tasks.create_task(_outcome(Listener(flights, up))) for _ in range(3)]
        await settled()
        up.let()
    assert [task.result() for task in listening] == [str(failure)] * 3 and up.requests == 1


def half(up: Upstream, failure: BridgeError):
    start = up.start

    async def broken() -> AsyncGenerator[str, None]:
        async for piece in start():
            yield piece
        raise failure

    return broken


async def test_a_defect_reaches_who_listens_and_hurts_no_other():
    up = Upstream(ZeroDivisionError())
    async with opened() as (flights, tasks):
        with pytest.raises(ZeroDivisionError):
            up.let()
            await Listener(flights, up).listen()
        assert await tasks.create_task(Listener(flights, up).listen()) == "abc"


async def test_a_long_one_is_kept_within_its_bound_and_waits_for_who_listens():
    up = Upstream(pieces="x" * 1000)
    up.let(1000)
    async with opened(most=10) as (flights, tasks):
        slow = flights.ride("k", up.start, lambda: None)
        assert await anext(slow) == "x"
        await settled()
        assert up.made <= 13 and len(flights) == 0  # nobody can join: its beginning is not kept
        rest = [piece async for piece in slow]
        assert len(rest) == 999 and up.requests == 1
        await tasks.create_task(asyncio.sleep(0))


async def test_who_falls_behind_in_a_long_one_is_put_off_so_that_the_others_go_on(monkeypatch):
    monkeypatch.setattr(module, "LAG_S", 0.02)
    up = Upstream(pieces="x" * 1000)
    async with opened(most=10) as (flights, tasks):
        slow = flights.ride("k", up.start, lambda: None)
        up.let(1)
        assert await anext(slow) == "x"
        quick = tasks.create_task(Listener(flights, up).listen())
        up.let(1000)
        assert len(await quick) == 1000
        with pytest.raises(BridgeError, match="behind"):
            async for _ in slow:
                pass


async def test_who_listens_alone_takes_the_time_it_wants(monkeypatch):
    monkeypatch.setattr(module, "LAG_S", 0.01)
    up = Upstream(pieces="x" * 100)
    up.let(1000)
    async with opened(most=10) as (flights, _):
        slow = flights.ride("k", up.start, lambda: None)
        assert await anext(slow) == "x"
        await asyncio.sleep(0.05)
        assert len([piece async for piece in slow]) == 99


async def test_the_end_of_the_server_ends_all_of_it():
    up = Upstream()
    flights = Flights[str](len)
    async with flights.opened():
        listening = asyncio.create_task(_outcome(Listener(flights, up)))
        up.let(1)
        await settled()
    assert await asyncio.wait_for(listening, 5) == "the server stops" and up.closed == 1
    assert await _outcome(Listener(flights, up)) == "the server stops"
