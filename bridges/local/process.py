"""One worker process as its parent sees it."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

import bridges
from bridges.local.messages import HEADER, LONGEST, Reply, Request, pack, read_reply

log = logging.getLogger(__name__)

_GRACE_S = 0.5
_INHERITED = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "POCKETSPHINX_PATH",
    "TMPDIR",
    "CUDA_VISIBLE_DEVICES",
)
"""What a worker may know of the environment: no secrets."""
_ERROR_LINES = 20


class WorkerProcess:
    """Says :class:`Request` to a running worker; made by :func:`start`."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._errors: deque[str] = deque(maxlen=_ERROR_LINES)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def send(self, request: Request) -> None:
        """Queue a message. A plain call; what a job may send is bounded by who sends it. Lost when the worker is gone."""
        stdin = self._process.stdin
        if stdin is not None and not stdin.is_closing():
            stdin.write(pack(request))

    async def serve(self, take: Callable[[Reply], None]) -> None:
        """Hand every reply to ``take`` until the worker ends."""
        async with asyncio.TaskGroup() as readers:
            readers.create_task(self._read_replies(take))
            readers.create_task(self._read_errors())

    async def _read_replies(self, take: Callable[[Reply], None]) -> None:
        stdout = self._process.stdout
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while stdout is not None:
                size = int.from_bytes(await stdout.readexactly(HEADER), "big")  # waits as long as the worker is idle
                if size > LONGEST:
                    break
                take(read_reply(await stdout.readexactly(size)))
        self.kill()

    async def _read_errors(self) -> None:
        stderr = self._process.stderr
        while stderr is not None and (data := await stderr.read(4096)):
            self._errors.extend(data.decode(errors="replace").splitlines())

    def last_words(self) -> str:
        """The end of what it wrote to standard error."""
        return " | ".join(self._errors)[-500:]

    async def stop(self) -> None:
        """End it: politely by ending its input, by force after half a second."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        # No asyncio.timeout: before Python 3.11.3 it does not work in a task that is being cancelled (CPython gh-102780).
        force = asyncio.get_running_loop().call_later(_GRACE_S, self.kill)
        try:
            await self._process.wait()
        finally:
            force.cancel()
        await self._let_transports_close()

    async def _let_transports_close(self) -> None:
        """Pipes report their end in later turns of the loop; leaving before would leak their transports."""
        for stream in (self._process.stdout, self._process.stderr):
            while stream is not None and await stream.read(65536):
                pass

    def kill(self) -> None:
        """End it by force."""
        with suppress(ProcessLookupError):
            self._process.kill()


@asynccontextmanager
async def start(engine: str, told: Mapping[str, Any]) -> AsyncIterator[WorkerProcess]:
    """Start ``python -m bridges.local.worker`` for an engine; the process is gone when the context is left."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bridges.local.worker",
        engine,
        msgspec.json.encode(told).decode(),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        env=_environment(),
    )
    worker = WorkerProcess(process)
    try:
        yield worker
    finally:
        await worker.stop()


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    here = str(Path(bridges.__file__).parents[1])
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, (here, kept.get("PYTHONPATH"))))
    return kept
