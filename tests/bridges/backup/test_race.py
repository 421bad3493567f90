"""Tries one after the other, or beside each other when one is slow."""

import asyncio
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from bridges.backup.race import Try, race
from mediaserver.errors import BridgeError

NOBODY = BridgeError("nobody")


class Runner:
    """Is done after a while, and ``behind`` another one not before that has begun."""

    def __init__(self, name: str, result: Any = None, after_s: float = 0.0, behind: "Runner | None" = None) -> None:
        self.name, self.result, self.after_s, self.behind = name, result or name, after_s, behind
        self.begun = asyncio.Event()
        self.stopped = False
        self.verdict = ""
        self.discarded: list[str] = []

    async def run(self) -> str:
        self.begun.set()
        try:
            if self.behind is not None:
                await self.behind.begun.wait()
            await asyncio.sleep(self.after_s)
        finally:
            self.stopped = True
        if isinstance(self.result, BridgeError):
            raise self.result
        return str(self.result)

    @property
    def began(self) -> bool:
        return self.begun.is_set()

    def as_try(self) -> Try[str]:
        async def discard(late: str) -> None:
            self.discarded.append(late)

        return Try(self.run, partial(self._told, "well"), lambda failure: self._told(failure.code), discard)

    def _told(self, verdict: str) -> None:
        self.verdict = verdict


def tries(*runners: Runner) -> Iterator[Try[str]]:
    return (runner.as_try() for runner in runners)


def soon() -> Any:
    return asyncio.sleep(0.02)


def never() -> Any:
    return asyncio.sleep(60)


async def test_the_first_one_wins_and_no_other_is_asked() -> None:
    one, two = Runner("one"), Runner("two")
    assert await race(tries(one, two), never, NOBODY) == "one"
    assert (one.verdict, two.began) == ("well", False)


async def test_a_failure_lets_the_next_one_try_at_once() -> None:
    one, two = Runner("one", BridgeError("no", code="unavailable")), Runner("two")
    assert await race(tries(one, two), never, NOBODY) == "two"
    assert (one.verdict, two.verdict) == ("unavailable", "well")


async def test_a_slow_one_is_overtaken_and_stopped() -> None:
    one, two = Runner("one", after_s=60), Runner("two")
    assert await race(tries(one, two), soon, NOBODY) == "two"
    assert (one.stopped, one.verdict) == (True, "timeout")


async def test_a_slow_one_may_still_win() -> None:
    two = Runner("two", after_s=60)
    one = Runner("one", behind=two)
    assert await race(tries(one, two), soon, NOBODY) == "one"
    assert (two.began, two.stopped, two.verdict) == (True, True, "")


async def test_all_fail() -> None:
    last = BridgeError("last")
    with pytest.raises(BridgeError, match="last"):
        await race(tries(Runner("one", BridgeError("first")), Runner("two", last)), never, NOBODY)
    with pytest.raises(BridgeError, match="nobody"):
        await race(tries(), never, NOBODY)


async def test_two_at_once_and_one_is_given_back() -> None:
    one, two = Runner("one", after_s=0.03), Runner("two", after_s=0.01)
    won = await race(tries(one, two), soon, NOBODY)
    loser = two if won == "one" else one
    assert loser.stopped and loser.discarded in ([], [loser.name])


async def test_whoever_gives_up_stops_them_all() -> None:
    one, two = Runner("one", after_s=60), Runner("two", after_s=60)
    running = asyncio.ensure_future(race(tries(one, two), soon, NOBODY))
    await asyncio.sleep(0.05)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert one.stopped and two.stopped
