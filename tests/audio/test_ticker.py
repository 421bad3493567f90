import asyncio
from itertools import pairwise

import pytest
import uvloop

from mediaserver.audio.ticker import MOST_BEHIND, PERIOD, SLOTS, STEP, Pace, Ticker

with asyncio.Runner(loop_factory=uvloop.new_event_loop) as _first:
    _first.run(asyncio.sleep(0.001))  # the first loop of uvloop opens a pipe that the process keeps


def paced(start=1000.0):
    pace = Pace()
    pace.start(start)
    return pace


def test_steps_are_counted_from_zero_of_the_clock_so_nothing_drifts():
    pace, now, steps = paced(), 1000.0, []
    for _ in range(1000):
        now += pace.wait(now, lambda slot: True) + 0.0007  # every wake-up comes late
        steps += pace.due(now)
    first = round(1000.0 / STEP) + 1
    assert steps == list(range(first, first + 1000))


def test_waits_for_the_next_busy_slot_only():
    pace, now, steps = paced(), 1000.0, []
    for _ in range(50):
        now += pace.wait(now, lambda slot: slot == 2)
        steps += [step for step in pace.due(now) if step % SLOTS == 2]
    assert len(steps) == 50
    assert {b - a for a, b in pairwise(steps)} == {SLOTS}
    assert pace.wait(now, lambda slot: False) <= PERIOD


def test_makes_up_for_a_short_block_and_skips_a_long_one():
    pace = paced()
    assert len(pace.due(1000.0 + 0.06)) == MOST_BEHIND
    assert (pace.late, pace.skipped) == (1, 0)
    assert len(pace.due(1000.0 + 1.06)) == SLOTS
    assert pace.skipped == 1.0 / STEP - SLOTS
    assert len(pace.due(1000.0 + 1.06)) == 0


def test_a_clock_that_stands_or_goes_back_owes_nothing():
    pace = paced()
    assert not pace.due(999.0)
    assert len(pace.due(1000.0 + STEP)) == 1


def run(main, factory):
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main())


LOOPS = pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])


async def _until(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


@LOOPS
def test_each_call_is_ticked_in_its_slot_until_it_leaves(factory):
    async def main():
        ticker, seen = Ticker(), []
        async with asyncio.TaskGroup() as group:
            running = group.create_task(ticker.run())
            await asyncio.sleep(0)
            assert ticker._timer is None  # nobody joined: no timer
            leave = ticker.join(lambda now, due: seen.append(due), phase=0.007)
            await _until(lambda: len(seen) >= 5)
            leave()
            leave()
            count = len(seen)
            assert (len(ticker), ticker._timer) == (0, None)
            ticker.join(lambda now, due: seen.append(due))
            await _until(lambda: len(seen) > count)
            running.cancel()
        return ticker, seen

    ticker, seen = run(main, factory)
    assert ticker._timer is None
    assert all(b > a for a, b in pairwise(seen))
    periods = [(b - a) / PERIOD for a, b in pairwise(seen[:5])]
    assert all(abs(round(each) - each) < 1e-6 for each in periods), (
        "due on the clock's own grid, whenever it comes about"
    )


@LOOPS
def test_a_tick_that_fails_is_taken_off_and_reported(factory):
    async def main():
        ticker, seen, reported = Ticker(), [], []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context["exception"]))

        def fail(now, due):
            raise ValueError("boom")

        ticker.join(fail, phase=0.0)
        ticker.join(lambda now, due: seen.append(due), phase=0.0)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(ticker.run())
            await _until(lambda: len(seen) >= 3)
            running.cancel()
        return len(ticker), reported

    left, reported = run(main, factory)
    assert left == 1
    assert [str(error) for error in reported] == ["boom"]


@LOOPS
def test_what_fails_before_the_ticks_does_not_stop_the_clock(factory):
    async def main():
        ticker, seen, reported = Ticker(), [], []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context["exception"]))

        def fail():
            raise ValueError("boom")

        ticker.before(fail)
        ticker.join(lambda now, due: seen.append(due))
        async with asyncio.TaskGroup() as group:
            running = group.create_task(ticker.run())
            await _until(lambda: len(seen) >= 3)
            running.cancel()
        return reported

    assert {str(error) for error in run(main, factory)} == {"boom"}


def test_phase_chooses_the_slot_just_after_it_and_none_the_emptiest():
    ticker = Ticker()
    phases = (0.0, 0.001, STEP, STEP + 0.0001, PERIOD - 0.0001, 100.0 + 2 * STEP + 0.0001)
    assert [ticker._choose(phase, 1) for phase in phases] == [0, 1, 1, 2, 0, 3]
    for _ in range(2 * SLOTS):
        ticker.join(lambda now, due: None)
    assert [len(slot) for slot in ticker._slots] == [2] * SLOTS


def test_of_the_next_slots_the_emptier_is_taken_and_the_sooner_when_they_are_alike():
    ticker = Ticker()
    for _ in range(3):
        ticker.join(lambda now, due: None, PERIOD - 1.5 * STEP, 2)
    assert [len(slot) for slot in ticker._slots] == [1, *[0] * (SLOTS - 2), 2], "the last one and the first after it"


class _Time:
    """A clock and a loop whose timers are fired by hand: what is due when, to the last digit."""

    def __init__(self):
        self.now, self.due, self.fire = 1000.0, None, None

    def call_later(self, delay, fire):
        self.due, self.fire = self.now + delay, fire
        return self

    def cancel(self):
        self.due = None

    def call_exception_handler(self, context):
        raise AssertionError(context)

    def run(self, until):
        while self.due is not None and self.due <= until:
            self.now, self.due = max(self.now, self.due), None
            self.fire()
        self.now = until


@pytest.fixture
def time():
    return _Time()


@pytest.fixture
def ticker(time):
    made = Ticker(lambda: time.now)
    made._loop = time
    return made


def test_who_joins_for_a_sooner_slot_is_not_kept_waiting_for_a_later_one(ticker, time):
    seen = []
    ticker.join(lambda now, due: None, 1000.0 + 6 * STEP)
    time.run(1000.0 + 6 * STEP)
    ticker.join(lambda now, due: seen.append(due), 1000.0 + 8 * STEP)
    time.run(1000.0 + 8 * STEP)
    assert seen == [pytest.approx(1000.0 + 8 * STEP)]


def test_who_joins_a_slot_is_owed_nothing_of_what_was_before(ticker, time):
    seen = []
    ticker.join(lambda now, due: None, 1000.0 + STEP / 2)
    time.run(1000.0 + STEP)
    time.now = 1000.0 + 7.5 * STEP
    ticker.join(lambda now, due: seen.append((now, due)), 1000.0 + 1.5 * STEP)
    time.run(1000.0 + 10 * STEP)
    assert [due for _, due in seen] == pytest.approx([1000.0 + 10 * STEP])
    assert all(now >= due - 0.001 for now, due in seen)


def test_who_moves_on_during_its_tick_takes_nobody_elses(ticker, time):
    seen, places = [], []

    def restless(now, due):
        time.now += STEP  # it takes long
        places.append(ticker.join(restless, now + 5 * STEP))
        places.pop(0)()

    places.append(ticker.join(restless, 1000.0))
    for slot in range(SLOTS):
        ticker.join(lambda now, due: seen.append(due), (slot - 0.5) * STEP)
    time.run(1001.0)
    assert sorted(seen) == pytest.approx([1000.0 + step * STEP for step in range(1, 401)])


@LOOPS
def test_what_has_arrived_is_read_before_the_ticks_of_a_wake_up(factory):
    async def main():
        ticker, order = Ticker(), []
        async with asyncio.TaskGroup() as group:
            running = group.create_task(ticker.run())
            stop = ticker.before(lambda: order.append("read"))
            ticker.join(lambda now, due: order.append("tick"))
            await _until(lambda: order.count("tick") >= 3)
            stop()
            read = order.count("read")
            ticks = order.count("tick")
            await _until(lambda: order.count("tick") > ticks)
            running.cancel()
        assert order[0] == "read"
        assert order.count("read") == read

    run(main, factory)
