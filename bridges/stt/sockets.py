"""A few warm sockets of one engine, so that a turn of speech does not wait for a handshake.

A turn takes the socket that was used last; one is opened ahead as soon as the provider has shown that it takes us; one that
was left clean is kept for the next turn. All of them belong to the engine's context and are closed with it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bridges.link import Target
from bridges.stt.line import Line, TurnCodec
from bridges.stt.streaming_options import Streaming
from mediaserver.clock import Clock, monotonic
from mediaserver.errors import BridgeError
from mediaserver.tasks import own_tasks


@dataclass(frozen=True, slots=True)
class Kind:
    """Sockets that can stand in for each other: one address, with all of its parameters, and the codec it needs.

    ``prompts``: a prompt is told when the socket is new, so a turn that has one needs one of its own.
    """

    target: Target
    codec: Callable[[], TurnCodec]
    prompts: bool = False


class Sockets:
    """The pool. ``opened`` counts handshakes that were begun."""

    def __init__(
        self, chosen: Streaming, tasks: asyncio.TaskGroup, tls: ssl.SSLContext | None = None, clock: Clock = monotonic
    ) -> None:
        self._chosen = chosen
        self._tasks = tasks
        self._tls = tls
        self._clock = clock
        self._kinds: dict[str, Kind] = {}
        self._lines: dict[Line, asyncio.Task[None]] = {}
        self._free: list[Line] = []
        self._closed = False
        self.opened = 0

    def warm(self, kind: Kind) -> None:
        """Open the spare sockets of this kind; a failure is left to the turn that needs one."""
        if self._closed:
            return
        self._kinds[kind.target.url] = kind
        free = sum(line.target.url == kind.target.url and not line.over for line in self._free)
        for _ in range(free, self._chosen.spare):
            if len(self._lines) < self._chosen.connections and len(self._free) < self._chosen.idle:
                self._free.append(self._open(kind))

    def take(self, kind: Kind, *, fresh: bool = False) -> Line:
        """Return a socket, which may still be connecting; ``fresh``: a new one.

        Raises BridgeError when there are too many already.
        """
        kept = [line for line in self._free if line.target.url == kind.target.url and not line.over]
        if kept and not fresh:
            line = kept[-1]
            self._free.remove(line)
            if line.ready:
                self.warm(kind)
            return line
        if self._closed:
            raise BridgeError("the recogniser is being closed", code="unavailable", retryable=False)
        if len(self._lines) >= self._chosen.connections:
            raise BridgeError("too many sockets to the recogniser are open", code="overloaded")
        self._kinds[kind.target.url] = kind
        return self._open(kind)

    def close(self) -> None:
        """Close all of them, and open no more."""
        self._closed = True
        for line in list(self._lines):
            self.drop(line)

    def drop(self, line: Line) -> None:
        """Close one, also while it connects."""
        line.stop()
        if line.connecting and line in self._lines:
            self._lines[line].cancel()

    @property
    def open(self) -> int:
        """How many there are, connecting ones among them."""
        return len(self._lines)

    def _open(self, kind: Kind) -> Line:
        self.opened += 1
        line = Line(
            kind.target,
            kind.codec(),
            connect_s=self._chosen.connect_s,
            idle_s=self._chosen.idle_s,
            age_s=self._chosen.age_s,
            on_ready=self._ready,
            on_free=self._keep,
            tls=self._tls,
            clock=self._clock,
        )
        self._lines[line] = task = self._tasks.create_task(line.serve())
        task.add_done_callback(lambda _: self._gone(line))
        return line

    def _ready(self, line: Line) -> None:
        """The provider takes us: open one ahead of the next turn, when this one is in use."""
        if line not in self._free:
            self.warm(self._kinds[line.target.url])

    def _keep(self, line: Line) -> None:
        self._free = [each for each in self._free if not each.over]
        if len(self._free) < self._chosen.idle:
            self._free.append(line)
        else:
            line.stop()

    def _gone(self, line: Line) -> None:
        line.stop()
        del self._lines[line]
        if line in self._free:
            self._free.remove(line)
        if not any(each.target.url == line.target.url for each in self._lines):
            self._kinds.pop(line.target.url, None)


@asynccontextmanager
async def open_sockets(chosen: Streaming, tls: ssl.SSLContext | None = None) -> AsyncIterator[Sockets]:
    """Open the pool, which opens nothing by itself; leaving closes every socket."""
    async with own_tasks() as tasks:
        sockets = Sockets(chosen, tasks, tls)
        try:
            yield sockets
        finally:
            sockets.close()
