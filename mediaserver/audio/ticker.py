"""One 20 ms clock for all calls of a worker, split into eight slots so that calls do not all encode at once."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from mediaserver.clock import FRAME_S, Clock, monotonic

PERIOD = FRAME_S
SLOTS = 8
STEP = PERIOD / SLOTS

MOST_BEHIND = 3 * SLOTS
"""Steps (60 ms) that are made up for; what lies further back is skipped, for a burst would only be late sound."""

EARLY = 0.001
"""Seconds by which a tick may come before its time: timers of libuv count whole milliseconds."""

Tick = Callable[[float, float], None]
"""Takes the time and when it was due: later by as much as the loop was held up, in steps of a period from tick to tick."""


class Pace:
    """Which slots are due: steps of 2.5 ms counted from zero of the clock, so that nothing ever drifts. Pure."""

    def __init__(self) -> None:
        self.late = 0
        self.skipped = 0
        self._done = 0

    def start(self, now: float) -> None:
        """Begin at ``now``: nothing before it is owed."""
        self._done = self._step(now)

    def due(self, now: float) -> range:
        """Return the steps to do now, oldest first; counts those that come more than a step late, or never."""
        step, first = self._step(now), self._done + 1
        if step - first > MOST_BEHIND:
            self.skipped += step - SLOTS + 1 - first
            first = step - SLOTS + 1
        self.late += step > first
        self._done = max(self._done, step)
        return range(first, step + 1)

    def idle(self, now: float, busy: Callable[[int], bool]) -> None:
        """Pass over what nobody was there for: whoever comes to such a slot is not owed what was before."""
        step = self._step(now)
        while self._done < step and not busy((self._done + 1) % SLOTS):
            self._done += 1

    def wait(self, now: float, busy: Callable[[int], bool]) -> float:
        """Return the seconds until the next step whose slot is busy; at most one period."""
        step = next((s for s in range(self._done + 1, self._done + 1 + SLOTS) if busy(s % SLOTS)), self._done + SLOTS)
        return max(0.0, step * STEP - now)

    @staticmethod
    def _step(now: float) -> int:
        return int((now + EARLY) / STEP)


class Ticker:
    """Calls every joined ``tick(now, due)`` each 20 ms; sleeps without a timer while nobody has joined.

    Ticks are plain calls on the event loop. One that raises is taken off the clock and reported to the loop's exception
    handler: the fault of one call must not silence the others.
    """

    def __init__(self, clock: Clock = monotonic) -> None:
        self._clock = clock
        self._slots: tuple[dict[object, Tick], ...] = tuple({} for _ in range(SLOTS))
        self._preludes: dict[object, Callable[[], None]] = {}
        self._pace = Pace()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._firing = False
        """What joins or leaves during the ticks is seen to after them: nobody else's may be missed for it."""

    @property
    def late(self) -> int:
        """Wake-ups that found more than one step due."""
        return self._pace.late

    @property
    def skipped(self) -> int:
        """Steps that were never done because the loop was blocked for longer than 60 ms."""
        return self._pace.skipped

    def __len__(self) -> int:
        return sum(map(len, self._slots))

    async def run(self) -> None:
        """Tick until cancelled; owned by whoever runs the media port."""
        self._loop = asyncio.get_running_loop()
        try:
            if len(self):
                self._begin()
            await self._loop.create_future()
        finally:
            self._stop()
            self._loop = None

    def join(self, tick: Tick, phase: float | None = None, spread: int = 1) -> Callable[[], None]:
        """Have ``tick`` called each 20 ms; returns the call that leaves again (idempotent).

        ``phase`` is a time of this clock, in seconds, just after which the tick should come (the arrival of live sound):
        in the least loaded of so many slots from there on. None takes the least loaded of all.
        """
        slot = self._slots[self._choose(phase, spread)]
        if self._timer is not None:
            self._pace.idle(self._clock(), self._busy)
        key = object()
        slot[key] = tick
        if self._timer is None:
            self._begin()
        else:  # it may be set for later than this
            self._timer.cancel()
            self._schedule()

        def leave() -> None:
            slot.pop(key, None)
            if not len(self):
                self._stop()

        return leave

    def before(self, prelude: Callable[[], None]) -> Callable[[], None]:
        """Have a plain call made at each wake-up before the ticks; returns the call that takes it off again.

        An event loop that was held up runs its timers before its sockets: what has long arrived would be missed by the
        tick that wants it, unless it is read here.
        """
        key = object()
        self._preludes[key] = prelude

        def leave() -> None:
            self._preludes.pop(key, None)

        return leave

    def _choose(self, phase: float | None, spread: int) -> int:
        first, spread = (0, SLOTS) if phase is None else (math.ceil(phase % PERIOD / STEP), spread)
        return min((slot % SLOTS for slot in range(first, first + spread)), key=lambda slot: len(self._slots[slot]))

    def _busy(self, slot: int) -> bool:
        return bool(self._slots[slot])

    def _begin(self) -> None:
        if self._loop is not None and not self._firing:
            self._pace.start(self._clock())
            self._schedule()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self) -> None:
        # The delay is computed anew from absolute steps each time, on our own clock: the loop's may be a cached one.
        if len(self) and self._loop is not None:
            delay = self._pace.wait(self._clock(), self._busy)
            self._timer = self._loop.call_later(delay, self._fire)

    def _fire(self) -> None:
        self._timer, self._firing = None, True
        self._prepare()
        for step in self._pace.due(self._clock()):
            self._tick(self._slots[step % SLOTS], step * STEP)
        self._firing = False
        self._schedule()

    def _prepare(self) -> None:
        for prelude in tuple(self._preludes.values()):
            try:
                prelude()
            except Exception as error:  # anything: without the ticks after it every call would fall silent
                self._report("what comes before the ticks failed", error)

    def _tick(self, slot: dict[object, Tick], due: float) -> None:
        for key in tuple(slot):
            tick = slot.get(key)
            if tick is None:
                continue
            try:
                tick(self._clock(), due)
            except Exception as error:  # anything: the other calls go on
                slot.pop(key, None)
                self._report("a tick failed and was taken off the clock", error)

    def _report(self, message: str, error: Exception) -> None:
        if self._loop is not None:
            self._loop.call_exception_handler({"message": message, "exception": error})
