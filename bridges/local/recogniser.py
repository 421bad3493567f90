"""The embedded recogniser: speech to text in worker processes, offline, English."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from bridges.local.pool import Job, Pool, open_pool
from bridges.options import LocalRecogniser
from mediaserver.items import Usage
from mediaserver.speech import Partial, Transcript

RATE = 16000
_BYTES_PER_SECOND = RATE * 2


class _Utterance:
    """One turn: what is fed streams to the worker, or waits for one, up to the longest turn."""

    def __init__(self, job: Job, max_turn_s: float) -> None:
        self._job = job
        self._room = int(max_turn_s * _BYTES_PER_SECOND)
        self._fed = 0

    def feed(self, pcm: bytes) -> None:
        pcm = pcm[: self._room - self._fed]
        if pcm:
            self._fed += len(pcm)
            self._job.feed(pcm)

    async def finish(self) -> Transcript:
        self._job.end()
        result = await self._job.result()
        return Transcript(result["text"], Usage(seconds=self._fed / _BYTES_PER_SECOND), language="en")


class Recogniser:
    """Satisfies :class:`mediaserver.speech.SpeechToText`; it knows English only, so language and prompt change nothing."""

    def __init__(self, pool: Pool, max_turn_s: float) -> None:
        self._pool = pool
        self._max_turn_s = max_turn_s

    @property
    def rate(self) -> int:
        """Hz."""
        return RATE

    async def warm(self) -> None:
        """Return when a worker is ready. Raises BridgeError when pocketsphinx is not installed."""
        await self._pool.warm()

    @asynccontextmanager
    async def utterance(
        self, on_partial: Callable[[Partial], None], *, language: str | None = None, prompt: str = ""
    ) -> AsyncIterator[_Utterance]:
        """Open one turn. Raises BridgeError: engine missing, overloaded."""

        def take(body: Any) -> None:
            if body is not None:
                on_partial(Partial(body["text"], body["stable"]))

        async with self._pool.job({}, take) as job:
            yield _Utterance(job, self._max_turn_s)


@asynccontextmanager
async def open_recogniser(chosen: LocalRecogniser) -> AsyncIterator[Recogniser]:
    """Start the recogniser's workers; they load while the server goes on."""
    async with open_pool("recogniser", {}, workers=chosen.workers, max_wait_s=chosen.max_wait_s) as pool:
        yield Recogniser(pool, chosen.max_turn_s)
