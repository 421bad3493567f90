"""A provider's warm sockets: opened ahead of the texts, shared by all calls, bounded in number, idleness and age."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bridges.link import Target, open_link
from bridges.tts.line import Line
from bridges.tts.retried import RESERVE, retried
from bridges.tts.streaming_options import StreamingVoice
from bridges.tts.wire import Ask, Wire
from mediaserver.breaker import RetryBudget
from mediaserver.clock import Clock, monotonic
from mediaserver.errors import BridgeError
from mediaserver.speech import Sound
from mediaserver.tasks import own_tasks

logger = logging.getLogger(__name__)

HOLD_OFF_S = 5.0
"""After a socket could not be opened none is opened ahead for so long: a provider in trouble gets no more load."""


@dataclass(frozen=True, slots=True)
class Dial:
    """How to open sockets: ``target`` tells what to connect to for an address, ``wire`` what is spoken there."""

    target: Callable[[str], Target]
    wire: Callable[[str], Wire]


class Sockets:
    """The pool; made by :func:`open_sockets`. A socket's address says all that it is good for: voice, model, format."""

    def __init__(self, dial: Dial, chosen: StreamingVoice, tasks: asyncio.TaskGroup, clock: Clock = monotonic) -> None:
        self._dial, self._chosen, self._tasks, self._clock = dial, chosen, tasks, clock
        self._lines: dict[Line, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._budget = RetryBudget(reserve=RESERVE)
        self._failed_at = float("-inf")
        self._closing = False

    def warm(self, url: str) -> None:
        """Open a socket ahead, unless there is one with a free place; a failure is left to who needs it."""
        held_off = self._clock() - self._failed_at < HOLD_OFF_S
        allowed = not self._closing and not held_off and len(self._lines) < self._chosen.sockets
        if allowed and self._with_room(url) is None:
            self._open(url)

    def speak(self, url: str, ask: Ask) -> AsyncGenerator[Sound, None]:
        """Yield the sound of a text; closing it frees the provider at once. Raises BridgeError.

        A socket that fails before anything was heard is replaced once, by a new one: others may have died with it.
        """
        return retried(lambda again: self._once(url, ask, again), self._budget, refusals=True)

    def close(self) -> None:
        """Close every socket; who owns the tasks waits for it."""
        self._closing = True
        for line, task in self._lines.items():
            if line.is_open:
                line.stop()
            else:
                task.cancel()

    # --- inside -------------------------------------------------------------------------------------------------------

    async def _once(self, url: str, ask: Ask, again: bool) -> AsyncGenerator[Sound, None]:
        line = await self._take(url, fresh=again)
        speech = line.begin(ask)
        self.warm(url)
        limit = self._chosen.first_sound_s
        try:
            while (sound := await speech.next(limit)) is not None:
                limit = self._chosen.between_s
                yield sound
        finally:
            line.leave(speech)

    async def _take(self, url: str, *, fresh: bool) -> Line:
        """Return a socket that has a place now: begin before anything else runs. Raises BridgeError."""
        until = self._clock() + self._chosen.connect_s
        while True:
            line = self._with_room(url, fresh=fresh) or self._opening(url)
            fresh = False
            if line is None:
                await self._change(until)
                continue
            line.claims += 1
            try:
                await line.opened()
            finally:
                line.claims -= 1
            if line.room() > 0:
                return line

    def _with_room(self, url: str, *, fresh: bool = False) -> Line | None:
        there = [line for line in self._lines if line.url == url and line.room() > 0 and not (fresh and line.is_open)]
        return max(there, key=lambda line: line.is_open, default=None)

    def _opening(self, url: str) -> Line | None:
        if self._closing:
            raise BridgeError("the voice is being closed", code="unavailable", retryable=False)
        if len(self._lines) < self._chosen.sockets:
            return self._open(url)
        unused = [line for line in self._lines if line.is_open and not line.busy and not line.leaving]
        if unused:  # of another voice: its place is needed
            min(unused, key=lambda line: line.idle_since).stop()
        return None

    def _open(self, url: str) -> Line:
        line = Line(url, self._dial.target(url), self._dial.wire(url), self._clock, self._wake)
        self._lines[line] = self._tasks.create_task(self._serve(line))
        return line

    async def _serve(self, line: Line) -> None:
        try:
            async with open_link(line.target, timeout=self._chosen.connect_s) as link:
                await line.serve(link, idle_s=self._chosen.idle_s, age_s=self._chosen.age_s)
        except BridgeError as failure:
            self._failed_at = self._clock()
            line.fail(failure)
        except Exception:  # a defect of ours with one socket must not end the calls on the others
            logger.exception("a socket of the voice failed")
            line.fail(BridgeError("the socket of the voice failed"))
        finally:
            line.fail(BridgeError("the voice was closed", code="unavailable", retryable=False))
            del self._lines[line]
            self._wake()

    async def _change(self, until: float) -> None:
        self._changed.clear()
        try:
            async with asyncio.timeout(max(0.0, until - self._clock())):
                await self._changed.wait()
        except TimeoutError:
            raise BridgeError("all sockets of the voice are in use", code="rate_limited") from None

    def _wake(self) -> None:
        self._changed.set()


@asynccontextmanager
async def open_sockets(dial: Dial, chosen: StreamingVoice, clock: Clock = monotonic) -> AsyncIterator[Sockets]:
    """Own the pool; leaving closes all sockets, within a second."""
    async with own_tasks() as tasks:
        sockets = Sockets(dial, chosen, tasks, clock)
        try:
            yield sockets
        finally:
            sockets.close()
