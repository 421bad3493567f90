"""One worker as a child process: started, told its place, listened to, stopped."""

from __future__ import annotations

import asyncio
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from mediaserver.cluster.place import Place
from mediaserver.cluster.report import MAX_LINE, Report, read

TELL_S = 10.0


class Child:
    """A running worker; made by :func:`launched`."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def stop(self) -> None:
        """Ask it to stop, once or again."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        with suppress(ProcessLookupError):
            self._process.kill()

    async def tell(self, place: Place) -> None:
        """Say what it must know. One that does not listen is gone, or killed here: :meth:`wait` tells."""
        stdin = self._process.stdin
        assert stdin is not None  # noqa: S101 - a pipe was asked for
        stdin.write(place.written())
        try:
            async with asyncio.timeout(TELL_S):
                await stdin.drain()
        except TimeoutError:
            self.kill()
        except ConnectionError:
            return

    async def reports(self) -> AsyncIterator[Report]:
        """Yield what it says of itself until it has closed its output."""
        stdout = self._process.stdout
        assert stdout is not None  # noqa: S101 - a pipe was asked for
        while True:
            try:
                line = await stdout.readline()
            except ValueError:  # longer than any line of ours
                continue
            if not line:
                return
            if (report := read(line)) is not None:
                yield report

    async def wait(self) -> int:
        """Return its exit code when it has ended, negative for the signal that ended it."""
        return await self._process.wait()


@asynccontextmanager
async def launched(command: Sequence[str], place: Place) -> AsyncIterator[Child]:
    """Start a worker; when the block is left it is gone.

    It leads a session of its own: a Ctrl-C at the terminal is for whoever started the server, who passes it on.
    """
    process = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, start_new_session=True, limit=MAX_LINE
    )
    child = Child(process)
    try:
        await child.tell(place)
        yield child
    finally:
        if process.returncode is None:
            child.kill()
        await process.wait()
        if process.stdin is not None:
            process.stdin.close()
            with suppress(ConnectionError):  # it may have gone without reading
                await process.stdin.wait_closed()
