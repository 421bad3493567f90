import asyncio
import os
import signal

import psutil
import pytest

from mediaserver.audio import decoders
from mediaserver.audio.decoder_child import BEHIND
from mediaserver.audio.decoders import Decoders, current, warm_decoders
from mediaserver.errors import Overloaded


async def until_ready(warm: Decoders) -> None:
    """Wait for a decoder that waits for a file."""
    async with asyncio.timeout(20):
        while not warm.waiting:
            await asyncio.sleep(0.01)


def child_pids() -> list[int]:
    """Return the processes that this one started and that run."""
    return [child.pid for child in psutil.Process().children() if "decoder_child" in " ".join(child.cmdline())]


async def test_one_waits_for_a_file_and_another_takes_its_place():
    async with warm_decoders(most=1, ready=1) as warm:
        await until_ready(warm)
        assert current() is warm
        async with warm.decoder() as first:
            assert first.alive
        assert not first.alive
        await until_ready(warm)
    assert warm.waiting == 0
    assert current() is not warm


async def test_a_server_that_is_sent_no_files_starts_nothing():
    async with warm_decoders(begin=False) as warm:
        await asyncio.sleep(0.05)
        assert child_pids() == []
        async with warm.decoder():
            pass
        await until_ready(warm)


async def test_one_that_died_while_it_waited_is_passed_over():
    async with warm_decoders(most=1, ready=1) as warm:
        await until_ready(warm)
        os.kill(child_pids()[0], signal.SIGKILL)
        await asyncio.sleep(0.1)
        async with warm.decoder() as second:
            assert second.alive


async def test_what_goes_wrong_inside_leaves_as_it_is():
    with pytest.raises(KeyError):
        async with warm_decoders(ready=0):
            raise KeyError("mine")


async def test_a_file_that_finds_no_turn_is_told_to_come_again():
    some = Decoders(most=1, wait_s=0.02)
    async with some.decoder() as one:
        with pytest.raises(Overloaded) as refusal:
            async with some.decoder():
                raise AssertionError("there was no turn")
        assert refusal.value.status == 503
        assert one.alive
    async with some.decoder() as other:
        assert other.alive


async def test_one_that_does_not_start_is_no_fault_of_the_file(monkeypatch, caplog):
    monkeypatch.setattr(decoders, "_PROGRAM", "raise SystemExit(3)")
    with pytest.raises(Overloaded):
        async with Decoders().decoder():
            pass
    assert "does not start" in caplog.text


async def test_one_that_stands_still_is_ended_and_says_nothing(monkeypatch):
    monkeypatch.setattr(
        decoders, "_PROGRAM", "import socket, time; s = socket.socket(fileno=0); s.send(b'\\n'); time.sleep(60)"
    )
    async with Decoders().decoder() as decoder:
        assert await decoder.ask(b"{}", (), 0.05) == b""
        assert decoder.late


TELL_TALE = """
import os, socket
socket.socket(fileno=0).send(repr((sorted(os.listdir("/proc/self/fd")), dict(os.environ))).encode())
"""


async def test_it_inherits_nothing_but_its_socket(monkeypatch):
    monkeypatch.setattr(decoders, "_PROGRAM", TELL_TALE)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    reader, writer = os.pipe()
    try:
        os.set_inheritable(reader, True)
        process, link = decoders._launched()
        said = await asyncio.get_running_loop().sock_recv(link, 4096)
        link.close()
        await asyncio.to_thread(process.wait)
    finally:
        os.close(reader)
        os.close(writer)
    assert b"secret" not in said
    assert b"['0', '1', '2', '3']" in said  # 3 is the listing itself


async def test_calls_go_before_files():
    async with warm_decoders() as warm:
        await until_ready(warm)
        (pid,) = child_pids()
        assert psutil.Process(pid).nice() == min(19, psutil.Process().nice() + BEHIND)
