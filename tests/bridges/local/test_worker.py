import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from bridges.local.messages import (
    HEADER,
    Begin,
    Drop,
    End,
    Failed,
    Feed,
    Finished,
    Piece,
    Ready,
    Reply,
    pack,
    read_reply,
)
from bridges.local.worker import Worker


class Counting:
    """An engine that counts bytes."""

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {"rate": 1}
        self.size = 0
        self.dropped = 0

    def begin(self, told: Mapping[str, Any]) -> None:
        self.size = 0

    def feed(self, data: bytes) -> Any:
        if data == b"bad":
            raise ValueError("bad")
        self.size += len(data)
        return self.size

    def end(self, piece: Callable[[Any], bool]) -> Any:
        return self.size

    def drop(self) -> None:
        self.dropped += 1


def replies(*requests: Any) -> tuple[list[Reply], Counting]:
    """Serve these requests, already waiting in the pipe, and return what the worker says."""
    source, write = os.pipe()
    read, sink = os.pipe()
    engine = Counting()
    os.write(write, b"".join(map(pack, requests)))
    os.close(write)
    serving = threading.Thread(target=Worker(engine, source, sink).serve)
    serving.start()
    serving.join(10)
    os.close(sink)
    with os.fdopen(read, "rb") as stream:
        data = stream.read()
    os.close(source)
    found = []
    while data:
        size = int.from_bytes(data[:HEADER], "big")
        found.append(read_reply(data[HEADER : HEADER + size]))
        data = data[HEADER + size :]
    return found, engine


def test_serves_one_job_after_the_other() -> None:
    said, _ = replies(Begin(1, {}), Feed(1, b"abc"), End(1), Begin(2, {}), End(2))
    assert said == [Ready({"rate": 1}), Piece(1, 3), Finished(1, 3), Finished(2, 0)]


def test_a_job_that_fails_does_not_end_the_worker() -> None:
    said, _ = replies(Begin(1, {}), Feed(1, b"bad"), End(1), Begin(2, {}), End(2))
    assert said[1:] == [Failed(1, "ValueError: bad"), Finished(2, 0)]


def test_a_dropped_job_is_not_worked_on() -> None:
    said, engine = replies(Begin(1, {}), *(Feed(1, b"x" * 99) for _ in range(50)), Drop(1), Begin(2, {}), End(2))
    assert said[1:] == [Finished(1), Finished(2, 0)]
    assert engine.dropped == 1


@pytest.mark.engines
def test_ends_with_its_input_and_keeps_its_output_clean() -> None:
    command = [sys.executable, "-m", "bridges.local.worker", "voice", '{"engine_order":["nonesuch"]}']
    done = subprocess.run(command, input=b"", capture_output=True, timeout=30, check=True)
    assert b"no voice is installed" in done.stdout[HEADER:]
