"""A folder as a tier: one file for each entry, shared by workers and kept over restarts. Threads of its own do the work.

A file appears whole, by renaming, and bears a sum: what a crash, a full disk or somebody else left there is no entry. Names
are the keys' hexadecimal digits and nothing else, so nothing of a request is ever a path.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

from mediaserver.cache.entry import Entry, pack, unpack
from mediaserver.cache.key import DIGITS
from mediaserver.cache.tally import Tally
from mediaserver.errors import ConfigError

logger = logging.getLogger(__name__)

NAME = "disk"
AT_ONCE = 32
"""Look-ups and writes on their way; one more is not made."""
THREADS = 2
"""One can write or tidy while the other reads."""
WAIT_S = 10.0
"""A write that takes longer is waited for no more."""
TIDY_S = 600.0
"""So often what is too old is looked for, also when nothing is written."""
LEFT_S = 600.0
"""A file that was begun so long ago was left by a process that is gone."""
_ENTRY, _PART = ".entry", ".part"
_OURS = re.compile(rf"[0-9a-f]{{{DIGITS}}}(\.entry|-[0-9a-f]+\.part)")
"""What else is in the folder is not touched."""
_ROOM = 0.9
"""How full the folder is after tidying."""

T = TypeVar("T")


class _File(NamedTuple):
    used: float
    size: int
    path: Path


class Disk:
    """At most ``max_bytes``; each worker counts what it writes and recounts the folder after each sixteenth of that.

    Never raises but at the start: a folder that cannot be made is a ConfigError. ``wall``: unix seconds.
    """

    name = NAME

    def __init__(self, folder: Path, max_bytes: int, tally: Tally, wall: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._max = max_bytes
        self._tally = tally
        self._wall = wall
        self._bytes = 0
        self._uncounted = 0
        self._busy = 0
        self._failing = False
        self._writing = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None
        self._timer: asyncio.TimerHandle | None = None

    @contextmanager
    def opened(self) -> Iterator[Disk]:
        """Make the folder (mode 0700) and tidy what is in it. Raises ConfigError."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._tidy(0)
        except OSError as problem:
            raise ConfigError("cache.folder", f"cannot be used: {problem.strerror}") from None
        self._threads = threads = ThreadPoolExecutor(THREADS, thread_name_prefix="cache-disk")
        self._tidy_later(threads)
        try:
            yield self
        finally:
            if self._timer is not None:
                self._timer.cancel()
            threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None

    @property
    def bytes(self) -> int:
        """What is in the folder, as last counted, and what was written since."""
        return self._bytes

    def takes(self, entry: Entry) -> bool:
        """Say whether an entry is small enough."""
        return entry.size <= self._max // 4

    async def get(self, key: str) -> Entry | None:
        """Return what is kept under a key."""
        return await self._beside(lambda: self._read(key))

    async def put(self, key: str, entry: Entry) -> bool:
        """Keep an entry; say whether it was."""
        if not self.takes(entry):
            return False
        try:
            async with asyncio.timeout(WAIT_S):
                return bool(await self._beside(lambda: self._write(key, entry)))
        except TimeoutError:
            self._failed("slow")
            return False

    async def _beside(self, work: Callable[[], T]) -> T | None:
        if self._threads is None or self._busy >= AT_ONCE:
            return None
        self._busy += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._busy -= 1

    def _tidy_later(self, threads: ThreadPoolExecutor) -> None:
        def again() -> None:
            threads.submit(self._tidied)
            self._tidy_later(threads)

        self._timer = asyncio.get_running_loop().call_later(TIDY_S, again)

    # --- in a thread --------------------------------------------------------------------------------------------------

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}{_ENTRY}"

    def _read(self, key: str) -> Entry | None:
        path = self._path(key)
        try:
            with path.open("rb") as file:
                data = file.read(self._max)
        except FileNotFoundError:
            return None
        except OSError as problem:
            self._failed(type(problem).__name__)
            return None
        entry = unpack(key, data)
        with suppress(OSError):
            if entry is None or not entry.fresh(self._wall()):
                path.unlink()
                return None
            os.utime(path, (self._wall(), entry.until))  # what was used last goes last
        return entry

    def _write(self, key: str, entry: Entry) -> bool:
        data = pack(key, entry)
        part = self._folder / f"{key}-{secrets.token_hex(8)}{_PART}"
        try:
            with self._writing:
                self._make_room(len(data))
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(data)
            os.utime(part, (self._wall(), entry.until))
            part.rename(self._path(key))
        except OSError as problem:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            self._failed(type(problem).__name__)
            return False
        with self._writing:
            self._failing = False
            self._bytes += len(data)
            self._uncounted += len(data)
        return True

    def _make_room(self, size: int) -> None:
        if self._bytes + size > self._max or self._uncounted > self._max // 16:
            self._tidy(size)

    def _tidied(self) -> None:
        try:
            with self._writing:
                self._tidy(0)
        except OSError as problem:
            self._failed(type(problem).__name__)

    def _tidy(self, wanted: int) -> None:
        """Recount the folder, with room for so many bytes.

        What is too old goes, then what was used longest ago, and what was left unfinished.
        """
        now = self._wall()
        files = sorted(self._files(now))
        self._bytes, self._uncounted = sum(file.size for file in files), 0
        if self._bytes + wanted <= self._max:
            return
        for file in files:
            if self._bytes + wanted <= self._max * _ROOM:
                return
            file.path.unlink(missing_ok=True)
            self._bytes -= file.size
            self._tally.evictions[NAME] += 1

    def _files(self, now: float) -> Iterator[_File]:
        with os.scandir(self._folder) as found:
            for each in found:
                with suppress(OSError):  # another worker was faster
                    if not _OURS.fullmatch(each.name) or not each.is_file(follow_symlinks=False):
                        continue
                    if each.name.endswith(_ENTRY):
                        facts = each.stat(follow_symlinks=False)
                        if facts.st_mtime <= now:  # its ``until``
                            Path(each.path).unlink()
                        else:
                            yield _File(facts.st_atime, facts.st_size, Path(each.path))
                    elif each.name.endswith(_PART) and now - each.stat().st_mtime > LEFT_S:
                        Path(each.path).unlink()

    def _failed(self, what: str) -> None:
        self._tally.failures[NAME] += 1
        if not self._failing:
            self._failing = True
            logger.warning("the cache's folder does not take or give what it should: %s", what)
