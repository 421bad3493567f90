"""The supervisor over workers that live and die as the test says."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mediaserver.cluster import supervisor as module
from mediaserver.cluster.report import Report
from mediaserver.cluster.supervisor import Supervisor

LIMIT_S = 10.0


class Fake:
    """A worker that is ready at once, unless it is ``mute``, and ends well when asked to, unless it is ``deaf``."""

    def __init__(self, number: int, pid: int, *, mute: bool, deaf: bool) -> None:
        self.number, self.pid = number, pid
        self.mute, self.deaf = mute, deaf
        self.calls = 0
        self.stops = 0
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def end(self, code: int) -> None:
        if not self.ended.done():
            self.ended.set_result(code)

    def stop(self) -> None:
        self.stops += 1
        if not self.deaf:
            self.end(0)

    def kill(self) -> None:
        self.end(-9)

    async def reports(self) -> AsyncIterator[Report]:
        if not self.mute:
            yield Report(self.calls, 9000 + self.number)
        await self.ended

    async def wait(self) -> int:
        return await self.ended


class Theatre:
    """Starts fakes; ``born`` keeps all of them in order."""

    def __init__(self) -> None:
        self.born: list[Fake] = []
        self.mute = self.deaf = False
        self.then: Callable[[Fake], None] | None = None
        self.now = 0.0

    @asynccontextmanager
    async def launch(self, number: int) -> AsyncIterator[Fake]:
        fake = Fake(number, len(self.born), mute=self.mute, deaf=self.deaf)
        self.born.append(fake)
        if self.then is not None:
            self.then(fake)
        yield fake

    def last(self, number: int) -> Fake:
        return [fake for fake in self.born if fake.number == number][-1]

    async def births(self, count: int) -> None:
        while len(self.born) < count:
            await asyncio.sleep(0.001)


@asynccontextmanager
async def running(count: int = 2, *, stop_s: float = 5.0) -> AsyncIterator[tuple[Theatre, Supervisor, Any]]:
    """Run a supervisor until it returns; the test stops it."""
    theatre = Theatre()
    supervisor = Supervisor(theatre.launch, count, stop_s=stop_s, clock=lambda: theatre.now)
    async with asyncio.timeout(LIMIT_S), asyncio.TaskGroup() as tasks:
        yield theatre, supervisor, tasks.create_task(supervisor.run())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediaserver.cluster.respawn.PAUSES_S", (0.001, 0.002, 0.003, 0.004))


def events(caplog: pytest.LogCaptureFixture, word: str) -> list[tuple[int, int]]:
    return [(r.worker, r.calls) for r in caplog.records if word in r.message]  # type: ignore[attr-defined]


async def test_all_are_started_and_stopped() -> None:
    async with running(3) as (theatre, supervisor, run):
        await supervisor.ready.wait()
        assert {number: report.media_port for number, report in supervisor.reports.items()} == {
            0: 9000, 1: 9001, 2: 9002,
        }  # fmt: skip
        supervisor.stop()
        assert await run == 0
    assert [fake.stops for fake in theatre.born] == [1, 1, 1]


async def test_a_dead_one_is_replaced_and_its_calls_are_told(caplog: pytest.LogCaptureFixture) -> None:
    async with running() as (theatre, supervisor, run):
        theatre.then = lambda fake: setattr(fake, "calls", 4)
        await supervisor.ready.wait()
        theatre.last(0).end(-9)
        await theatre.births(3)
        assert theatre.born[2].number == 0 and theatre.last(1).stops == 0
        supervisor.stop()
        assert await run == 0
    assert events(caplog, "a worker died") == [(0, 4)]


async def test_one_that_dies_again_and_again_is_the_end(caplog: pytest.LogCaptureFixture) -> None:
    async with running() as (theatre, supervisor, run):
        await supervisor.ready.wait()
        theatre.then = lambda fake: fake.end(-11)
        theatre.last(1).end(-11)
        assert await run == 1
    assert len(theatre.born) == 6 and theatre.last(0).stops == 1
    assert len(events(caplog, "gives up")) == 1 and len(events(caplog, "a worker died")) == 5


async def test_deaths_far_apart_are_forgiven() -> None:
    async with running() as (theatre, supervisor, run):
        await supervisor.ready.wait()
        for count in range(3, 13):
            theatre.now += 61
            theatre.last(0).end(1)
            await theatre.births(count)
        supervisor.stop()
        assert await run == 0


@pytest.mark.parametrize(("code", "expected"), [(2, 2), (1, 1), (-11, 1), (0, 1)])
async def test_what_cannot_start_is_not_tried_again(code: int, expected: int) -> None:
    async with running() as (theatre, supervisor, run):
        theatre.mute = True
        await theatre.births(2)
        theatre.last(1).end(code)
        assert await run == expected
        assert not supervisor.ready.is_set()
    assert len(theatre.born) == 2 and theatre.last(0).stops == 1


async def test_one_that_is_never_ready_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "START_S", 0.01)
    async with running(1) as (theatre, _, run):
        theatre.mute = True
        assert await run == 1
    assert theatre.born[0].ended.result() == -9


async def test_a_second_stop_is_passed_on_and_who_does_not_stop_is_killed(caplog: pytest.LogCaptureFixture) -> None:
    async with running(1, stop_s=0.05) as (theatre, supervisor, run):
        theatre.deaf = True
        await supervisor.ready.wait()
        supervisor.stop()
        supervisor.stop()
        assert await run == 0
    assert theatre.born[0].stops == 2 and theatre.born[0].ended.result() == -9
    assert events(caplog, "did not stop well") == [(0, 0)]


async def test_a_stop_during_the_pause_or_the_start_is_kept() -> None:
    async with running(1) as (theatre, supervisor, run):
        theatre.then = lambda _: supervisor.stop()
        assert await run == 0
    assert theatre.born[0].stops >= 1


def test_it_logs_under_our_name() -> None:
    assert module.log is logging.getLogger("mediaserver.cluster.supervisor")
