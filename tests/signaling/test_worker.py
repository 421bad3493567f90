from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mediaserver.cluster.place import Place
from mediaserver.cluster.report import Report, read
from mediaserver.config import Config, Media, Server, Tls
from signaling import worker
from signaling.signals import Signals
from signaling.worker import adapted, at_work

LIMIT_S = 5.0


@dataclass
class Port:
    port: int = 9000
    addresses: tuple[str, ...] = ("192.0.2.1",)


class Pipes:
    """Standard input and output of a worker; the other ends are the test's."""

    def __init__(self) -> None:
        self.input, self.tell = os.pipe()
        self.listen, self.output = os.pipe()
        self.both = (self.input, self.output)
        self.open = {self.input, self.tell, self.listen, self.output}

    def close(self, *which: int) -> None:
        for descriptor in which or tuple(self.open):
            os.close(descriptor)
            self.open.discard(descriptor)


@pytest.fixture
def pipes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipes]:
    made = Pipes()
    monkeypatch.setattr(worker, "LOOK_S", 0.01)
    yield made
    made.close()


def signals() -> Signals:
    return asyncio.Queue(maxsize=8)


def lines(pipes: Pipes) -> list[Report | None]:
    return [read(line) for line in os.read(pipes.listen, 65536).splitlines()]


async def test_it_tells_that_it_is_ready_and_when_its_calls_change(pipes: Pipes, tmp_path: Path) -> None:
    calls: list[int] = []
    place = Place(0, 2, str(tmp_path), 1)
    async with asyncio.timeout(LIMIT_S), at_work(calls, Port(), place, signals(), pipes.both):
        await asyncio.sleep(0.1)
        assert lines(pipes) == [Report(0, 9000, ("192.0.2.1",))]
        calls.append(1)
        await asyncio.sleep(0.1)
        assert lines(pipes) == [Report(1, 9000, ("192.0.2.1",))]


async def test_nobody_reads_and_no_call_waits_for_it(pipes: Pipes, tmp_path: Path) -> None:
    os.set_blocking(pipes.output, False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(pipes.output, b"x" * 4096)
    async with asyncio.timeout(LIMIT_S), at_work([], Port(), Place(0, 2, str(tmp_path), 1), signals(), pipes.both):
        await asyncio.sleep(0.05)
    pipes.close(pipes.listen)
    async with asyncio.timeout(LIMIT_S), at_work([], Port(), Place(0, 2, str(tmp_path), 1), signals(), pipes.both):
        await asyncio.sleep(0.05)


async def test_it_stops_and_clears_up_when_there_is_nobody_to_serve_for(pipes: Pipes, tmp_path: Path) -> None:
    directory = tmp_path / "shared"
    directory.mkdir()
    (directory / "worker-0.sock").touch()
    stop = signals()
    async with asyncio.timeout(LIMIT_S), at_work([], Port(), Place(0, 2, str(directory), 1), stop, pipes.both):
        os.write(pipes.tell, b"anything")
        await asyncio.sleep(0.05)
        assert stop.empty()
        pipes.close(pipes.tell)
        assert await stop.get() == signal.SIGTERM
        assert directory.exists()
    assert not directory.exists()


def test_a_worker_has_a_media_port_of_its_own_and_the_rest_in_common() -> None:
    place = Place(2, 3, "/run/x", 4711)
    config = adapted(Config(media=Media(port=9000), server=Server(port=0, host="::")), place)
    assert (config.server.port, config.server.host, config.media.port) == (4711, "::", 9002)
    assert adapted(Config(media=Media(port=0)), place).media.port == 0


@pytest.mark.parametrize(
    ("tls", "directory"),
    [(Tls(), ""), (Tls(mode="self-signed"), "/run/x/tls"), (Tls(mode="self-signed", directory="/etc/t"), "/etc/t")],
)
def test_all_show_the_same_certificate(tls: Tls, directory: str) -> None:
    assert adapted(Config(server=Server(tls=tls)), Place(0, 2, "/run/x", 1)).server.tls.directory == directory
