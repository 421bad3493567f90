"""Where recordings go: one thread for all calls of a worker writes them, and no call ever waits for it.

A call appends its blocks to one bounded queue. When the disk is slow and the queue is full the newest block is dropped and
counted, and silence is written in its place. A file grows as ``<call>.wav.part`` and loses the suffix when it is complete.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import queue
import re
import tempfile
import threading
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, Self, TypeVar

import numpy as np

from mediaserver.audio.oggopus import OggOpusFile
from mediaserver.audio.recording import BLOCK_S, Block, Recording
from mediaserver.audio.resample import Resampler
from mediaserver.audio.wav import WavFile
from mediaserver.errors import ConfigError

logger = logging.getLogger(__name__)

BLOCKS = 1024
"""Blocks that may wait for the disk, of all calls together: 49 MB where both sides are at 24 kHz."""

ENDS = 16_384
"""Ends of calls that may wait besides: they are never dropped."""

CLOSE_S = 10.0
"""The disk has this long to take what waits when the server stops."""

Format = Literal["wav", "opus"]

T = TypeVar("T")

_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_OPUS_RATES = (8000, 12000, 16000, 24000, 48000)


class Sink(Protocol):
    """A file of sound that is being written: PCM16 stereo. Raises OSError when the disk does not take it."""

    def write(self, pcm: bytes) -> None:
        """Append sound."""
        ...

    def finish(self) -> None:
        """Complete it."""
        ...


_SINKS: dict[Format, Callable[[FileIO, int], Sink]] = {"wav": WavFile, "opus": OggOpusFile}


class Tape:
    """What records one call, on the event loop; made by :meth:`Recorder.begin`. Plain calls that never block."""

    def __init__(self, take: _Take, rates: tuple[int, int], began: float, put: Callable[[Block | int], bool]) -> None:
        self._take = take
        self._put = put
        self._dropped = 0
        self._recording = Recording(began, *rates, self._block)

    @property
    def missing_ms(self) -> int:
        """Milliseconds that were not written, because the disk was slow or the client sent too much too early."""
        return round(self._dropped * BLOCK_S * 1000) + self._recording.dropped_ms

    @property
    def failed(self) -> bool:
        """Whether the recording broke off, because the disk did not take it: what came after that is not in it."""
        return self._take.failed

    def heard(self, pcm: bytes, at: float) -> None:
        """Record what came from the caller at ``at`` (monotonic seconds)."""
        self._attempt(lambda: self._recording.heard(pcm, at))

    def played(self, pcm: bytes, at: float) -> None:
        """Record what began to leave for the caller at ``at``."""
        self._attempt(lambda: self._recording.played(pcm, at))

    def end(self, at: float) -> None:
        """The call is over: its file is completed."""
        blocks = self._attempt(lambda: self._recording.finish(at))
        if not self._put(blocks or 0):
            logger.error("recording of call %s was not completed: the disk is too slow", self._take.name)

    def _attempt(self, step: Callable[[], T]) -> T | None:
        if self._take.failed:
            return None
        try:
            return step()
        except Exception as defect:  # the call goes on without its recording
            self._take.failed = True
            logger.error("recording of call %s ended by a defect: %s", self._take.name, type(defect).__name__)
            return None

    def _block(self, block: Block) -> None:
        if self._put(block):
            return
        if not self._dropped:
            logger.warning("recording of call %s: the disk is too slow, there will be holes", self._take.name)
        self._dropped += 1


class _Take:
    """The file of one call, in the writer's thread; ``failed`` is read by the loop."""

    def __init__(self, folder: Path, name: str, kind: Format, rates: tuple[int, int]) -> None:
        self.name = name
        self.failed = False
        self.closed = False
        self._path = folder / f"{name}.{kind}"
        self._kind = kind
        self._rate = _file_rate(kind, rates)
        self._rates = rates
        self._resamplers = tuple(Resampler(rate, self._rate) for rate in rates)
        self._file: FileIO | None = None
        self._sink: Sink | None = None
        self._next = 0

    def write(self, block: Block) -> None:
        """Append a block, after silence for those that are missing before it."""
        self._silence_until(block.number)
        sides = zip((block.heard, block.played), self._rates, self._resamplers, strict=True)
        sound = [
            np.frombuffer(resampler.feed(pcm or bytes(2 * int(rate * BLOCK_S))), "<i2")
            for pcm, rate, resampler in sides
        ]
        self._open().write(np.stack(sound, axis=1).tobytes())
        self._next = block.number + 1

    def complete(self, blocks: int) -> None:
        """Make the file whole, ``blocks`` long, and give it its name."""
        self._silence_until(blocks)
        self._open().finish()
        self.close()
        self._part.rename(self._path)

    def close(self) -> None:
        """Let go of the file as it is."""
        self._sink, self.closed = None, True
        if self._file is not None:
            with contextlib.suppress(OSError):  # of what the disk would not take before
                self._file.close()

    @property
    def _part(self) -> Path:
        return self._path.with_name(self._path.name + ".part")

    def _silence_until(self, number: int) -> None:
        for _ in range(self._next, number):
            self._open().write(bytes(4 * int(self._rate * BLOCK_S)))
        self._next = max(self._next, number)

    def _open(self) -> Sink:
        if self._sink is None:
            # A name that is there already is never ours: no call has the name of another.
            mode = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
            self._file = FileIO(os.open(self._part, mode, 0o600), "w")
            self._sink = _SINKS[self._kind](self._file, self._rate)
        return self._sink


_Job = tuple[_Take, Block | int] | None
"""A block to write; the number of blocks, at the end of a call; ``None``: stop."""


class Recorder:
    """All recordings of one worker, in ``folder``; ``async with`` it. Its thread lives as long as the context.

    ``dropped`` blocks, ``completed`` and ``failed`` recordings are counted. Raises ConfigError, at once, when nothing can be
    written there.
    """

    def __init__(self, folder: Path, kind: Format = "wav", *, most: int = BLOCKS) -> None:
        _check(folder)
        self.dropped = self.completed = self.failed = 0
        self._folder = folder
        self._kind: Format = kind
        self._most = most
        self._jobs: queue.Queue[_Job] = queue.Queue(maxsize=most + ENDS)
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)
        self._open: set[_Take] = set()
        self._over = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._jobs.put_nowait(None)
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._over.wait()
            self._thread.join()
        except TimeoutError:
            logger.error("recordings are incomplete: the disk took nothing for %s s", CLOSE_S)

    def begin(self, name: str, hear_rate: int, play_rate: int, began: float) -> Tape:
        """Record a call from ``began`` on (monotonic seconds). Raises ValueError for a name that is no call's."""
        if not _NAME.fullmatch(name):
            raise ValueError("the name of a recording is that of a call")
        rates = hear_rate, play_rate
        take = _Take(self._folder, name, self._kind, rates)
        return Tape(take, rates, began, lambda what: self._put(take, what))

    def _put(self, take: _Take, what: Block | int) -> bool:
        if isinstance(what, Block) and self._jobs.qsize() >= self._most:
            self.dropped += 1
            return False
        try:
            self._jobs.put_nowait((take, what))
        except queue.Full:
            return False
        return True

    # --- in the thread ------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            take, what = job
            if take.failed:
                self._drop(take)
            else:
                self._do(take, what)
        for take in self._open:
            take.close()
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # nobody waits any more, and the loop is closed
                self._loop.call_soon_threadsafe(self._over.set)

    def _do(self, take: _Take, what: Block | int) -> None:
        try:
            if isinstance(what, Block):
                self._open.add(take)
                take.write(what)
            else:
                self._open.discard(take)
                take.complete(what)
                self.completed += 1
        except Exception as problem:  # whatever it is, the other recordings and all calls go on
            take.failed = True
            logger.error("recording of call %s stopped: %s", take.name, getattr(problem, "strerror", None) or problem)
            self._drop(take)

    def _drop(self, take: _Take) -> None:
        self.failed += not take.closed
        self._open.discard(take)
        take.close()


def _file_rate(kind: Format, rates: tuple[int, int]) -> int:
    rate = max(rates)
    return rate if kind == "wav" or rate in _OPUS_RATES else 48000


def _check(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as problem:
        raise ConfigError("recording.folder", f"cannot be written to: {problem.strerror}") from None
