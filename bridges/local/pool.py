"""A small, warm, bounded pool of worker processes. A job waits for a free worker; a worker that dies is replaced.

Patient jobs (files) come after all others (turns of calls), and make room for them: such a job fails with ``displaced`` when
another finds no free worker, and its owner begins it again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from bridges.local.messages import Begin, Drop, End, Failed, Feed, Finished, Missing, Piece, Ready, Reply
from bridges.local.process import WorkerProcess, start
from mediaserver.clock import monotonic
from mediaserver.errors import BridgeError
from mediaserver.tasks import own_tasks

log = logging.getLogger(__name__)

DISPLACED = "displaced"
"""The code of the error with which a patient job makes room."""
_WAITING_PER_WORKER = 16
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S, _HEALTHY_S = 0.1, 5.0, 10.0


class Job:
    """One piece of work. ``feed`` and ``end`` are plain calls that may come before a worker is free.

    Results on the way go to ``take``, a plain call that must not raise; ``None`` says that the job is over. A patient job
    has no ``max_wait_s``.
    """

    def __init__(
        self, number: int, told: Mapping[str, Any], take: Callable[[Any], None], max_wait_s: float | None
    ) -> None:
        self.number = number
        self.over = asyncio.Event()
        self.patient = max_wait_s is None
        self._take = take
        self._max_wait_s = max_wait_s
        self._worker: WorkerProcess | None = None
        # Bounded by the caller: a turn has its longest length, and a text its longest number of characters.
        self._backlog: list[Begin | Feed | End] = [Begin(number, dict(told))]
        self._result: Any = None
        self._failure: BridgeError | None = None

    def feed(self, data: bytes) -> None:
        """Give it more input."""
        self._send(Feed(self.number, data))

    def end(self) -> None:
        """It has all its input: from now on it waits for a worker no longer than the pool's longest wait, unless patient."""
        self._send(End(self.number))
        if self._worker is None and self._max_wait_s is not None:
            asyncio.get_running_loop().call_later(self._max_wait_s, self._waited)

    async def result(self) -> Any:
        """Wait for the end of the job and return its last result. Raises BridgeError: overloaded, crashed, or refused.

        Bounded by the longest wait for a worker and by the death of that worker; against one that hangs the caller sets
        its own deadline and leaves the job.
        """
        await self.over.wait()
        if self._failure is not None:
            raise self._failure
        return self._result

    def _waited(self) -> None:
        if self._worker is None:
            self.finish(failure=BridgeError("all local engines are busy", code="overloaded"))

    def _send(self, request: Begin | Feed | End) -> None:
        if self.over.is_set():
            return
        if self._worker is None:
            self._backlog.append(request)
        else:
            self._worker.send(request)

    def assign(self, worker: WorkerProcess) -> None:
        """A worker takes it up: send what has gathered."""
        self._worker = worker
        for request in self._backlog:
            worker.send(request)
        self._backlog.clear()

    def piece(self, body: Any) -> None:
        """A result on the way; nobody listens once the job is over."""
        if not self.over.is_set():
            self._take(body)

    def finish(self, result: Any = None, failure: BridgeError | None = None) -> None:
        """The job is over; only the first end counts."""
        if self.over.is_set():
            return
        self._result, self._failure = result, failure
        self.over.set()
        self._take(None)


class _Slot:
    """One place in the pool: the worker that has it now, and the job that this worker is at."""

    def __init__(self) -> None:
        self.worker: WorkerProcess | None = None
        self.ready = False
        self.job: Job | None = None
        self.hung: asyncio.TimerHandle | None = None

    @property
    def free(self) -> bool:
        return self.ready and self.job is None

    def drop(self, number: int, let_go_s: float) -> None:
        """Ask the worker to let go; the slot is free when it has."""
        if self.worker is not None and self.hung is None:
            self.worker.send(Drop(number))
            self.hung = asyncio.get_running_loop().call_later(let_go_s, self.worker.kill)

    def release(self) -> Job | None:
        """The worker is done with its job, whichever way; return it."""
        if self.hung is not None:
            self.hung.cancel()
        job, self.job, self.hung = self.job, None, None
        return job


class Pool:
    """Workers of one engine, shared by all calls. Made by :func:`open_pool`."""

    def __init__(
        self, engine: str, told: Mapping[str, Any], *, workers: int, max_wait_s: float, load_s: float, let_go_s: float
    ) -> None:
        self._engine = engine
        self._told = told
        self._max_wait_s = max_wait_s
        self._load_s = load_s
        self._let_go_s = let_go_s
        self._slots = [_Slot() for _ in range(workers)]
        self._waiting: deque[Job] = deque(maxlen=workers * _WAITING_PER_WORKER)
        self._numbers = count(1)
        self._settled = asyncio.Event()
        self._missing: BridgeError | None = None
        self.facts: dict[str, Any] = {}
        self.restarts = 0

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers that are ready."""
        return [slot.worker.pid for slot in self._slots if slot.worker is not None and slot.ready]

    async def warm(self) -> None:
        """Return when a worker is ready. Raises BridgeError when the engine is not installed; the caller bounds the wait."""
        await self._settled.wait()
        if self._missing is not None:
            raise self._missing

    @asynccontextmanager
    async def job(
        self, told: Mapping[str, Any], take: Callable[[Any], None], *, patient: bool = False
    ) -> AsyncIterator[Job]:
        """Open a job; leaving the context frees its worker at once. Raises BridgeError: engine missing, or overloaded.

        A ``patient`` one has no longest wait; who opens it bounds its time, and begins it again when it is displaced.
        """
        if self._missing is not None:
            raise self._missing
        if len(self._waiting) == self._waiting.maxlen:
            raise BridgeError("all local engines are busy", code="overloaded")
        job = Job(next(self._numbers), told, take, None if patient else self._max_wait_s)
        self._waiting.append(job)
        self._assign()
        try:
            yield job
        finally:
            self._leave(job)

    def _assign(self) -> None:
        for slot in self._slots:
            if slot.free and slot.worker is not None and self._waiting:
                slot.job = self._next()
                slot.job.assign(slot.worker)
        self._make_room()

    def _next(self) -> Job:
        job = next((job for job in self._waiting if not job.patient), self._waiting[0])
        self._waiting.remove(job)
        return job

    def _make_room(self) -> None:
        """End patient jobs, as many as others wait for a worker; those that are being let go of already are counted."""
        wanted = sum(not job.patient for job in self._waiting) - sum(slot.hung is not None for slot in self._slots)
        for slot in self._slots:
            if wanted > 0 and slot.hung is None and slot.job is not None and slot.job.patient:
                wanted -= 1
                slot.job.finish(failure=BridgeError("a file made room for a turn of a call", code=DISPLACED))
                slot.drop(slot.job.number, self._let_go_s)

    def _leave(self, job: Job) -> None:
        job.finish()
        if job in self._waiting:
            self._waiting.remove(job)
        for slot in self._slots:
            if slot.job is job:
                slot.drop(job.number, self._let_go_s)

    # --- workers ------------------------------------------------------------------------------------------------------

    async def keep(self, slot: _Slot) -> None:
        """Keep a worker in this slot until cancelled, or until the engine turns out not to be installed."""
        pause = _SHORTEST_PAUSE_S
        while self._missing is None:
            began = monotonic()
            await self._serve(slot)
            if self._missing is not None:
                return
            pause = _SHORTEST_PAUSE_S if monotonic() - began > _HEALTHY_S else min(pause * 2, _LONGEST_PAUSE_S)
            self.restarts += 1
            await asyncio.sleep(pause)

    async def _serve(self, slot: _Slot) -> None:
        async with start(self._engine, self._told) as worker:
            slot.worker = worker
            try:
                async with asyncio.timeout(self._load_s) as loading:
                    await worker.serve(lambda reply: self._reply(slot, reply, loading))
            except TimeoutError:
                log.warning("worker of %s was not ready in %s s", self._engine, self._load_s)
            finally:
                self._lose(slot)
        if self._missing is None:
            log.warning("worker of %s ended: %s", self._engine, worker.last_words() or "no message")

    def _reply(self, slot: _Slot, reply: Reply, loading: asyncio.Timeout) -> None:
        if isinstance(reply, Ready):
            loading.reschedule(None)
            self._ready(slot, reply)
        elif isinstance(reply, Missing):
            self._give_up(reply.message)
        elif slot.job is not None and slot.job.number == reply.job:
            self._progress(slot, slot.job, reply)

    def _progress(self, slot: _Slot, job: Job, reply: Piece | Finished | Failed) -> None:
        if isinstance(reply, Piece):
            job.piece(reply.body)
            return
        slot.release()
        if isinstance(reply, Finished):
            job.finish(reply.body)
        else:
            job.finish(failure=BridgeError(f"the local {self._engine} failed: {reply.message}", code="engine_failed"))
        self._assign()

    def _ready(self, slot: _Slot, reply: Ready) -> None:
        self.facts = reply.facts
        slot.ready = True
        self._settled.set()
        self._assign()

    def _lose(self, slot: _Slot) -> None:
        slot.worker, slot.ready = None, False
        job = slot.release()
        if job is not None:
            job.finish(failure=BridgeError(f"the local {self._engine} stopped", code="engine_crashed"))

    def _give_up(self, message: str) -> None:
        self._missing = BridgeError(message, code="engine_missing", retryable=False)
        self._settled.set()
        for job in self._waiting:
            job.finish(failure=self._missing)
        self._waiting.clear()

    @property
    def slots(self) -> tuple[_Slot, ...]:
        """The places to keep."""
        return tuple(self._slots)


@asynccontextmanager
async def open_pool(
    engine: str,
    told: Mapping[str, Any],
    *,
    workers: int,
    max_wait_s: float,
    load_s: float = 20.0,
    let_go_s: float = 5.0,
) -> AsyncIterator[Pool]:
    """Start the workers of an engine (they load meanwhile, see :meth:`Pool.warm`); all are gone when the context is left.

    A worker that is not ready after ``load_s``, or does not let go of a dropped job for ``let_go_s``, is killed and
    replaced. Leaving takes half a second for workers that do not listen.
    """
    pool = Pool(engine, told, workers=workers, max_wait_s=max_wait_s, load_s=load_s, let_go_s=let_go_s)
    async with own_tasks() as tasks:
        keepers = [tasks.create_task(pool.keep(slot)) for slot in pool.slots]
        try:
            yield pool
        finally:
            for keeper in keepers:
                keeper.cancel()
