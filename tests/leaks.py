"""The leak meter: what a test may not leave behind, and how it is counted. ``conftest.py`` puts it around every test."""

from __future__ import annotations

import asyncio
import asyncio.runners
import gc
import itertools
import logging
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

GRACE_S = 5.0
"""What is on its way out has this long to be gone."""

THAW = 100
"""Every so many tests all that there is is looked at, not only what the last one made."""
_TESTS = itertools.count(1)

LOST_TASKS = ("was never retrieved", "was destroyed but it is pending")
"""What asyncio says of a task that nobody owned."""


NUMBER = re.compile(r":\[\d+\]$")
"""The inode in ``socket:[4711]``: one socket is as good as another."""

EXECUTOR = re.compile(r"asyncio_\d+")
"""A thread of a loop's default executor: bounded, and closed with its loop, which may be a whole module's."""


@dataclass(frozen=True, slots=True)
class Census:
    """What this process holds: descriptors by what they point at, threads by name, child processes by command."""

    descriptors: Counter[str]
    threads: Counter[str]
    children: Counter[str]

    @classmethod
    def take(cls) -> Census:
        """Count now. Linux only: elsewhere descriptors and children are not seen."""
        return cls(_descriptors(), _threads(), _children())

    def since(self, base: Census) -> list[str]:
        """Name what is here and was not in ``base``."""
        kinds = (("descriptor", "descriptors"), ("thread", "threads"), ("child process", "children"))
        found = []
        for kind, attribute in kinds:
            found += [f"{kind} {name}" for name in _grown(getattr(base, attribute), getattr(self, attribute))]
        return found


def _grown(before: Counter[str], after: Counter[str]) -> list[str]:
    return sorted((after - before).elements())


def _threads() -> Counter[str]:
    return Counter(thread.name for thread in threading.enumerate() if not EXECUTOR.fullmatch(thread.name))


def _descriptors() -> Counter[str]:
    found: Counter[str] = Counter()
    for entry in Path("/proc/self/fd").glob("*") if Path("/proc/self/fd").exists() else ():
        try:
            found[NUMBER.sub("", str(entry.readlink()))] += 1
        except OSError:  # the descriptor of the listing itself
            continue
    return found


def _children() -> Counter[str]:
    found: Counter[str] = Counter()
    for path in Path("/proc/self/task").glob("*/children"):
        try:
            pids = path.read_text().split()
        except OSError:  # the thread ended meanwhile
            continue
        found.update(_command(pid) for pid in pids)
    return found


def _command(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip() or pid
    except OSError:
        return pid


def residue(base: Census, grace_s: float = GRACE_S) -> list[str]:
    """Return what is still here beyond ``base`` when the grace is over; at once when nothing is."""
    deadline = time.monotonic() + grace_s
    if not next(_TESTS) % THAW:
        gc.unfreeze()
    gc.collect()
    while found := Census.take().since(base):
        if time.monotonic() > deadline:
            return found
        time.sleep(0.02)
        gc.unfreeze()  # it may have come with an earlier test
        gc.collect()
    gc.freeze()  # the next collection looks only at what the next test makes
    return []


class LostTasks(logging.Handler):
    """Collects what asyncio logs about tasks that nobody waited for."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message when it is about a lost task."""
        message = record.getMessage()
        if any(words in message for words in LOST_TASKS):
            self.found.append(message)


class LeftTasks:
    """Sees the tasks that are still running when a loop is closed, before asyncio cancels them silently."""

    def __init__(self, grace_s: float = GRACE_S) -> None:
        self.found: list[str] = []
        self._grace_s = grace_s
        self._cancel: Callable[[asyncio.AbstractEventLoop], None] = asyncio.runners._cancel_all_tasks  # type: ignore[attr-defined]

    def __enter__(self) -> LeftTasks:
        asyncio.runners._cancel_all_tasks = self._look_and_cancel  # type: ignore[attr-defined]
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.runners._cancel_all_tasks = self._cancel  # type: ignore[attr-defined]

    def look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give the tasks of a loop the grace to end, then note those which did not."""
        if tasks := asyncio.all_tasks(loop):
            loop.run_until_complete(asyncio.wait(tasks, timeout=self._grace_s))
        self.found += [f"task {task.get_name()}: {task.get_coro()!r}" for task in asyncio.all_tasks(loop)]

    def _look_and_cancel(self, loop: asyncio.AbstractEventLoop) -> None:
        self.look(loop)
        self._cancel(loop)


def settle() -> None:
    """Start what Python itself keeps for the life of the process, so that it is part of every base."""
    if os.name == "posix":
        from multiprocessing import resource_tracker

        resource_tracker.ensure_running()
    gc.collect()
    gc.freeze()  # a collection after each test then looks only at what the tests made
