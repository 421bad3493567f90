"""Asks a slow model beside the event loop: one thread for all calls, few questions at a time, and no answer that is late."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Self

from mediaserver.clock import FRAME_MS

log = logging.getLogger(__name__)

DEADLINE_S = 0.15
"""An answer that takes longer is not waited for: by then a turn may be over without it."""

MOST_ASKED = 4
"""Questions at a time; one more could not be answered in time, and is not asked."""

Model = Callable[[bytes], float]
"""Takes PCM16 mono at 16 kHz and returns a probability; is called in the judge's thread."""


class Judge:
    """``async with`` it, on the loop that asks. What is lost is counted in ``missed`` of ``asked``."""

    def __init__(self, model: Model, deadline_s: float = DEADLINE_S) -> None:
        self.asked = self.missed = 0
        self._model = model
        self._deadline_s = deadline_s
        self._open: set[asyncio.Future[float]] = set()

    async def __aenter__(self) -> Self:
        """Start the thread and let it warm up; says in the log when the machine is too slow for the model."""
        self._thread = ThreadPoolExecutor(1, "judge", _give_way)
        self._loop = asyncio.get_running_loop()
        await self._look()
        took_s = await self._look()
        if took_s > self._deadline_s:
            log.warning("turns.end_model takes %.0f ms for a look: its answers will come too late", took_s * 1000)
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Wait for the look that is being taken, and for no other."""
        for question in self._open:
            question.cancel()
        self._thread.shutdown(cancel_futures=True)
        if self.asked:
            log.info("turns.end_model answered in time at %d of %d pauses", self.asked - self.missed, self.asked)

    async def _look(self) -> float:
        began = self._loop.time()
        await self._loop.run_in_executor(self._thread, self._model, bytes(FRAME_MS * 32))
        return self._loop.time() - began

    def ask(self, pcm: bytes, answered: Callable[[float], None]) -> None:
        """Call ``answered`` on the loop with the model's word, within the deadline or never. Does not wait."""
        self.asked += 1
        if len(self._open) >= MOST_ASKED:
            self.missed += 1
            return
        question = self._loop.run_in_executor(self._thread, self._model, pcm)
        self._open.add(question)
        deadline = self._loop.call_later(self._deadline_s, question.cancel)
        question.add_done_callback(partial(self._done, deadline, answered))

    def _done(
        self, deadline: asyncio.TimerHandle, answered: Callable[[float], None], question: asyncio.Future[float]
    ) -> None:
        deadline.cancel()
        self._open.discard(question)
        if question.cancelled():
            self.missed += 1
        elif (defect := question.exception()) is not None:
            self.missed += 1
            log.warning("turns.end_model has no answer: %s", type(defect).__name__)
        else:
            answered(question.result())


def _give_way() -> None:
    """Let the event loop go first on a core that both share: on Linux each thread has a niceness of its own."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
