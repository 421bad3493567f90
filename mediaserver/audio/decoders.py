"""Decoders as their parent sees them: started ahead, few at once, one file each, gone when it is read or time is up."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import subprocess
import sys
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from weakref import WeakKeyDictionary

import av
import numpy as np

from mediaserver.audio.denoise import PACKAGE
from mediaserver.errors import Overloaded
from mediaserver.tasks import own_tasks

log = logging.getLogger(__name__)

START_S = 20.0
"""A decoder that has not said that it is there after so long is given up."""

GRACE_S = 1.0
"""One that is not at work is ended by force after so long."""

SOON_S = 0.001
"""After so long is looked first whether one has ended."""

LONGEST_ANSWER = 1024
"""Bytes. More is no answer of ours."""

_PROGRAM = """\
import sys
sys.path += sys.argv[1:]
import socket
from mediaserver.audio import decoder_child
decoder_child.main(socket.socket(fileno=0))
"""


def _origin(package: str) -> str | None:
    spec = find_spec(package)
    return spec.origin if spec is not None else None


_ROOTS = tuple(
    dict.fromkeys(
        str(Path(place).resolve().parents[1])
        for place in (Path(__file__).parent, av.__file__, np.__file__, _origin(PACKAGE))
        if place is not None
    )
)
"""Where its imports are found: it runs without site-packages' start-up files, which would cost it as much as itself."""

_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "LANG": "C.UTF-8"}
_KEPT = ("PATH", "LD_LIBRARY_PATH")


class Decoder:
    """A running decoder; made by :class:`Decoders`."""

    def __init__(self, process: subprocess.Popen[bytes], link: socket.socket) -> None:
        self._process = process
        self._link = link
        self.late = False
        """Whether it was ended because its time was over."""
        self._busy = True

    @property
    def alive(self) -> bool:
        """Whether it can still be asked."""
        return self._process.poll() is None

    async def ready(self) -> bool:
        """Wait until it says that it is there; False when it ends instead, which it is made to after ``START_S``."""
        return await self._received(START_S) == b"\n"

    async def ask(self, request: bytes, descriptors: Sequence[int], wall_s: float) -> bytes:
        """Give it its file and return its answer; nothing when it died, or was ended because ``wall_s`` was over."""
        self._busy = True
        try:
            socket.send_fds(self._link, [request], descriptors)
        except OSError:
            return b""
        return await self._received(wall_s)

    async def _received(self, within_s: float) -> bytes:
        # No asyncio.timeout: before Python 3.11.3 it does not work in a task that is being cancelled (CPython gh-102780).
        loop = asyncio.get_running_loop()
        force = loop.call_later(within_s, self._expire)
        received = b""
        try:
            while len(received) < LONGEST_ANSWER and not received.endswith(b"\n"):
                more = await loop.sock_recv(self._link, LONGEST_ANSWER)
                if not more:
                    break
                received += more
        except ConnectionError:
            return b""
        finally:
            force.cancel()
        self._busy = not received.endswith(b"\n")
        return received

    def _expire(self) -> None:
        self.late = True
        self.kill()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    async def close(self) -> None:
        """Let it end, which it does by itself when it is not at work, and wait until it is gone."""
        self._link.close()
        force = asyncio.get_running_loop().call_later(0 if self._busy else GRACE_S, self.kill)
        try:
            await self._gone()
        finally:
            force.cancel()

    async def _gone(self) -> None:
        pause = SOON_S
        while self.alive:  # which it is for a millisecond or so, and for GRACE_S at most
            await asyncio.sleep(pause)
            pause = min(2 * pause, 50 * SOON_S)


class Decoders:
    """Decoders of one event loop: never more than ``most`` at work; a file waits ``wait_s`` for its turn."""

    def __init__(self, *, most: int = 2, ready: int = 0, wait_s: float = 10.0) -> None:
        self._turns = asyncio.Semaphore(most)
        self._wait_s = wait_s
        self._wanted = ready
        self._ready: deque[Decoder] = deque(maxlen=max(1, ready))
        self._missing = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many wait for a file."""
        return len(self._ready)

    @asynccontextmanager
    async def decoder(self) -> AsyncIterator[Decoder]:
        """Lend a decoder for one file; it is gone afterwards. Raises Overloaded when none is free in time."""
        await self._turn()
        try:
            decoder = await self._one()
            try:
                yield decoder
            finally:
                await decoder.close()
        finally:
            self._turns.release()

    async def keep_ready(self, *, begin: bool) -> None:
        """Start decoders ahead of the files, until cancelled; with ``begin`` at once, else from the first file on."""
        if begin:
            self._missing.set()
        try:
            while True:
                await self._missing.wait()
                self._missing.clear()
                await self._fill()
        finally:
            for decoder in self._ready:
                await decoder.close()
            self._ready.clear()

    async def _fill(self) -> None:
        while len(self._ready) < self._wanted:
            try:
                self._ready.append(await _started())
            except Overloaded:
                await asyncio.sleep(START_S)

    async def _turn(self) -> None:
        try:
            async with asyncio.timeout(self._wait_s):
                await self._turns.acquire()
        except TimeoutError:
            raise Overloaded("too many files of sound are being read", retry_after=round(self._wait_s)) from None

    async def _one(self) -> Decoder:
        self._missing.set()
        while self._ready:
            decoder = self._ready.popleft()
            if decoder.alive:
                return decoder
            await decoder.close()
        return await _started()


_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Decoders] = WeakKeyDictionary()


def current() -> Decoders:
    """Return the decoders of the running loop; nothing is started ahead unless somebody opened :func:`warm_decoders`."""
    return _of_loop.setdefault(asyncio.get_running_loop(), Decoders())


@asynccontextmanager
async def warm_decoders(
    *, most: int = 2, ready: int = 1, wait_s: float = 10.0, begin: bool = True
) -> AsyncIterator[Decoders]:
    """Have ``ready`` decoders waiting for files, and at most ``most`` at work, while the context is open.

    A decoder takes 0.2 s to start: with one that waits, a short clip does not. Without ``begin`` none waits before the first
    file came: a server that is sent none pays nothing.
    """
    loop = asyncio.get_running_loop()
    decoders = _of_loop[loop] = Decoders(most=most, ready=ready, wait_s=wait_s)
    try:
        async with own_tasks() as owner:
            keeper = owner.create_task(decoders.keep_ready(begin=begin))
            try:
                yield decoders
            finally:
                keeper.cancel()
    finally:
        _of_loop.pop(loop, None)


async def _started() -> Decoder:
    """Start one and wait for it. Raises Overloaded when it does not come up: that is no fault of a file."""
    decoder = Decoder(*_launched())
    try:
        if not await decoder.ready():
            log.error("the decoder of sound files does not start")
            raise Overloaded("files of sound cannot be read now", retry_after=30)
    except BaseException:
        await decoder.close()
        raise
    return decoder


def _launched() -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start one. ``subprocess`` does so in a millisecond by vfork; a loop's own way copies this process, which takes 13."""
    ours, its = socket.socketpair()
    ours.setblocking(False)
    try:
        process = subprocess.Popen(  # noqa: S603 - our own program
            (sys.executable, "-I", "-S", "-c", _PROGRAM, *_ROOTS),
            stdin=its.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_ENVIRONMENT | {name: os.environ[name] for name in _KEPT if name in os.environ},
        )
    except BaseException:
        ours.close()
        raise
    finally:
        its.close()
    return process, ours
