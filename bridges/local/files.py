"""Files beside the turns of calls: fewer at once than there are workers, and a file makes room for a turn."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from bridges.local.pool import DISPLACED, Job, Pool
from mediaserver.errors import BridgeError

BYTES_PER_MS = 32
"""PCM16 mono at 16 kHz."""
_MOST = 64
"""Files at work and in line."""


class Files:
    """Gives whole files to the workers of a pool, in pieces of ``piece_ms``; what is not done within ``file_s`` fails."""

    def __init__(self, pool: Pool, workers: int, file_s: float, piece_ms: int = 20) -> None:
        self._pool, self._file_s, self._piece_ms = pool, file_s, piece_ms
        self._places = asyncio.Semaphore(max(1, workers - 1))
        self._count = 0

    async def facts(self) -> Mapping[str, Any]:
        """Return what the engine says of itself, when it is loaded. Raises BridgeError."""
        try:
            async with asyncio.timeout(self._file_s):
                await self._pool.warm()
        except TimeoutError:
            raise BridgeError("the local engine was not ready in time", code="timeout") from None
        return self._pool.facts

    async def write_down(self, told: Mapping[str, Any], pcm: bytes) -> Any:
        """Return the engine's result for PCM16 mono at its rate. Raises BridgeError, also ``overloaded`` and ``timeout``."""
        if self._count == _MOST:
            raise BridgeError("too many files wait for the local engine", code="overloaded")
        self._count += 1
        try:
            async with asyncio.timeout(self._file_s), self._places:
                return await self._until_done(told, pcm)
        except TimeoutError:
            raise BridgeError(f"a file was not written down within {self._file_s:g} s", code="timeout") from None
        finally:
            self._count -= 1

    async def _until_done(self, told: Mapping[str, Any], pcm: bytes) -> Any:
        while True:
            try:
                return await self._once(told, pcm)
            except BridgeError as problem:
                if problem.code != DISPLACED:
                    raise

    async def _once(self, told: Mapping[str, Any], pcm: bytes) -> Any:
        async with self._pool.job(told, lambda _: None, patient=True) as job:
            feed_whole(job, pcm, self._piece_ms)
            return await job.result()


def feed_whole(job: Job, pcm: bytes, piece_ms: int) -> None:
    """Give a job all of its sound."""
    step = piece_ms * BYTES_PER_MS
    for at in range(0, len(pcm), step):
        job.feed(pcm[at : at + step])
    job.end()
