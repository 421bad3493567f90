"""Small Python programs in the place of workers."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from mediaserver.cluster.child import launched
from mediaserver.cluster.place import Place
from mediaserver.cluster.report import MAX_LINE, Report

PLACE = Place(0, 2, "/nowhere", 1, b"x" * 200_000)
LIMIT_S = 20.0


def python(program: str) -> list[str]:
    return [sys.executable, "-c", f"import sys, os, time\n{program}"]


async def test_it_is_told_its_place_and_tells_how_it_is() -> None:
    program = f"""
line = sys.stdin.buffer.readline()
print("a library says hello")
print("x" * {2 * MAX_LINE})
print('{{"calls": %d, "media_port": 5}}' % len(line), flush=True)
"""
    async with asyncio.timeout(LIMIT_S), launched(python(program), PLACE) as child:
        assert [report async for report in child.reports()] == [Report(len(PLACE.written()), 5)]
        assert await child.wait() == 0


async def test_it_is_stopped_by_a_signal_of_its_own_and_gone_when_the_block_is_left() -> None:
    program = 'print(os.getsid(0) == os.getpid() and \'{"calls": 1, "media_port": 1}\', flush=True); time.sleep(60)'
    async with asyncio.timeout(LIMIT_S):
        async with launched(python(program), Place(0, 2, "/", 1)) as child:
            async for _ in child.reports():
                break
            child.stop()
            assert await child.wait() == -signal.SIGTERM
            child.stop()
            child.kill()
        async with launched(python("time.sleep(60)"), Place(0, 2, "/", 1)) as child:
            pid = child.pid
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        raise AssertionError("it is still there")


async def test_one_that_ends_before_it_listens() -> None:
    async with asyncio.timeout(LIMIT_S), launched(python("sys.exit(3)"), PLACE) as child:
        assert await child.wait() == 3
