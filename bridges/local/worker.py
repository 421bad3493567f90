"""A worker process: one engine, one job after the other, messages on standard input and output.

It has its own interpreter because the engines hold the interpreter's lock for hundreds of milliseconds, are not safe in
threads, or are C code that should not take the calls down with it. It ends when its input ends, and with its parent.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from bridges.local.engine import Engine, EngineMissing
from bridges.local.messages import (
    Begin,
    Drop,
    End,
    Failed,
    Feed,
    Finished,
    Missing,
    Piece,
    Ready,
    Reply,
    Request,
    Requests,
    pack,
)

_PR_SET_PDEATHSIG = 1
_NICENESS = 5
"""A little behind the process that keeps the 20 ms clock."""


def _recogniser(told: Mapping[str, Any]) -> Engine:
    from bridges.local.sphinx import Sphinx

    return Sphinx()


def _voice(told: Mapping[str, Any]) -> Engine:
    from bridges.local.engines import first_installed

    return first_installed(told["engine_order"])


def _vosk(told: Mapping[str, Any]) -> Engine:
    from bridges.local.vosk import Vosk

    return Vosk(told)


def _faster_whisper(told: Mapping[str, Any]) -> Engine:
    os.environ["HF_HUB_OFFLINE"] = "1"  # read when the library is imported: no model and no tokenizer is ever fetched
    from bridges.local.whisper import Whisper

    return Whisper(told)


ENGINES: dict[str, Callable[[Mapping[str, Any]], Engine]] = {
    "recogniser": _recogniser,
    "voice": _voice,
    "vosk": _vosk,
    "faster_whisper": _faster_whisper,
}


class Worker:
    """Serves one engine over two file descriptors."""

    def __init__(self, engine: Engine, source: int, sink: int) -> None:
        self._engine = engine
        self._source = source
        self._sink = sink
        self._requests = Requests()
        self._waiting: deque[Request] = deque(maxlen=100_000)
        self._job: int | None = None
        self._dropped = 0

    def serve(self) -> None:
        """Do jobs until the input ends."""
        self._say(Ready(self._engine.facts))
        for request in self._read():
            self._take(request)

    def _read(self) -> Iterator[Request]:
        while True:
            if not self._waiting and not self._receive():
                return
            while self._waiting:
                yield self._waiting.popleft()

    def _receive(self, timeout: float | None = None) -> bool:
        """Read what is there; False when the input has ended."""
        if timeout is not None and not select.select([self._source], [], [], timeout)[0]:
            return True
        data = os.read(self._source, 1 << 16)
        for request in self._requests.feed(data):
            self._waiting.append(request)
            if isinstance(request, Drop):
                self._dropped = request.job
        return bool(data)

    def _take(self, request: Request) -> None:
        try:
            self._do(request)
        except Exception as problem:  # whatever an engine raises, the next job may go well
            self._job = None
            self._say(Failed(request.job, f"{type(problem).__name__}: {problem}"[:500]))

    def _do(self, request: Request) -> None:
        if isinstance(request, Begin):
            self._engine.begin(request.told)
            self._job = request.job
        elif request.job != self._job:
            return
        elif isinstance(request, Feed):
            self._feed(request)
        elif isinstance(request, End):
            result = self._engine.end(self._piece)
            self._say(Finished(request.job, result))
            self._job = None
        else:
            self._engine.drop()
            self._say(Finished(request.job))
            self._job = None

    def _feed(self, request: Feed) -> None:
        if self._wanted() and (result := self._engine.feed(request.data)) is not None:
            self._piece(result)

    def _piece(self, body: Any) -> bool:
        self._say(Piece(self._job or 0, body))
        return self._wanted()

    def _wanted(self) -> bool:
        self._receive(0)
        return self._dropped != self._job

    def _say(self, reply: Reply) -> None:
        data = memoryview(pack(reply))
        while data:
            data = data[os.write(self._sink, data) :]


def main(name: str, told: str) -> None:
    """Load the engine called ``name`` with its options (JSON) and serve until the input ends."""
    _die_with_parent()
    # Libraries print to standard output as they like; it leads to standard error from here on, and ours is a copy.
    sink = os.dup(1)
    os.dup2(2, 1)
    try:
        engine = ENGINES[name](msgspec.json.decode(told))
    except (EngineMissing, ImportError) as problem:
        os.write(sink, pack(Missing(str(problem))))
        return
    Worker(engine, 0, sink).serve()


def _die_with_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches us too; the parent decides
    os.nice(_NICENESS)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
