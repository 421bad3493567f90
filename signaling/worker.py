"""What a worker does besides serving: it tells whoever started it how it is, and stops when there is nobody to tell."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Iterator, Sized
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Protocol

import msgspec

from mediaserver.cluster.place import Place
from mediaserver.cluster.ports import media_port
from mediaserver.cluster.report import Report
from mediaserver.config import Config
from signaling.signals import Signals, put

LOOK_S = 0.5
STANDARD = (0, 1)
"""The descriptors of standard input and output."""


class Port(Protocol):
    """The part of :class:`mediaserver.rtc.port.MediaPort` that is told."""

    @property
    def port(self) -> int:
        """The UDP port."""
        ...

    @property
    def addresses(self) -> tuple[str, ...]:
        """What callers are told."""
        ...


def adapted(config: Config, place: Place) -> Config:
    """Return the configuration of one worker: the common TCP port, a UDP port of its own, one certificate for all."""
    media = msgspec.structs.replace(config.media, port=media_port(config.media.port, place.number))
    tls = shared_tls(config, place.directory).server.tls
    return msgspec.structs.replace(
        config, media=media, server=msgspec.structs.replace(config.server, port=place.port, tls=tls)
    )


def shared_tls(config: Config, directory: str) -> Config:
    """Return the configuration with a self-signed certificate, if it wants one, in one place for all workers."""
    tls = config.server.tls
    if tls.mode == "self-signed" and not tls.directory:
        tls = msgspec.structs.replace(tls, directory=str(Path(directory, "tls")))
    return msgspec.structs.replace(config, server=msgspec.structs.replace(config.server, tls=tls))


@asynccontextmanager
async def at_work(
    calls: Sized, port: Port, place: Place, signals: Signals, pipes: tuple[int, int] = STANDARD
) -> AsyncIterator[None]:
    """Report on standard output, and take the end of standard input for a signal to stop, until the block is left."""
    source, output = pipes
    os.set_blocking(output, False)
    async with asyncio.TaskGroup() as tasks:
        reporting = tasks.create_task(_report(calls, port, output), name="reports")
        try:
            with _attended(source, place, signals):
                yield
        finally:
            reporting.cancel()


@contextmanager
def _attended(source: int, place: Place, signals: Signals) -> Iterator[None]:
    """Stop when whoever started this worker is gone, and then clear up for them."""
    loop, left = asyncio.get_running_loop(), False

    def said() -> None:
        nonlocal left
        left = not os.read(source, 4096)
        if left:
            loop.remove_reader(source)
            put(signals, signal.SIGTERM)

    loop.add_reader(source, said)
    try:
        yield
    finally:
        loop.remove_reader(source)
        if left:
            shutil.rmtree(place.directory, ignore_errors=True)


async def _report(calls: Sized, port: Port, output: int) -> None:
    told: Report | None = None
    while True:
        report = Report(len(calls), port.port, port.addresses)
        if report != told and _written(output, report):
            told = report
        await asyncio.sleep(LOOK_S)


def _written(output: int, report: Report) -> bool:
    """Write without waiting; what is not taken now is said again, by then with the newest figures."""
    try:
        os.write(output, report.written())
    except (BlockingIOError, BrokenPipeError):
        return False
    return True
