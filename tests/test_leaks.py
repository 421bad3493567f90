"""The leak meter sees what it is for; a meter that sees nothing would pass every test."""

import asyncio
import logging
import socket
import subprocess
import sys
import threading

from tests.leaks import Census, LeftTasks, LostTasks, residue

GRACE_S = 0.1


def test_nothing_is_nothing():
    assert residue(Census.take(), GRACE_S) == []


def test_an_open_socket_is_seen():
    base = Census.take()
    with socket.socket():
        assert residue(base, GRACE_S) == ["descriptor socket"]


def test_a_thread_is_seen():
    base, leave = Census.take(), threading.Event()
    thread = threading.Thread(target=leave.wait, name="left-over")
    thread.start()
    found = residue(base, GRACE_S)
    leave.set()
    thread.join()
    assert found == ["thread left-over"]


def test_a_child_process_is_seen():
    base = Census.take()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        found = residue(base, GRACE_S)
        child.communicate()
    assert any(line.startswith("child process") and "input()" in line for line in found)


def test_what_ends_within_the_grace_is_no_leak():
    base = Census.take()
    threading.Timer(0.05, lambda: None).start()
    assert residue(base, 5.0) == []


def test_a_task_left_running_is_seen_before_the_loop_cancels_it():
    tasks, loop = LeftTasks(GRACE_S), asyncio.new_event_loop()
    task = loop.create_task(asyncio.sleep(60), name="forgotten")
    tasks.look(loop)
    task.cancel()
    loop.run_until_complete(asyncio.wait([task]))
    loop.close()
    assert len(tasks.found) == 1
    assert "forgotten" in tasks.found[0]


def test_a_task_that_ends_in_time_is_no_leak():
    async def leave_soon() -> None:
        asyncio.get_running_loop().create_task(asyncio.sleep(0.01))

    with LeftTasks() as tasks:
        asyncio.run(leave_soon())
    assert tasks.found == []


def test_an_exception_that_nobody_retrieved_is_seen():
    lost = LostTasks()
    record = logging.LogRecord("asyncio", logging.ERROR, "", 0, "Task exception was never retrieved", (), None)
    lost.handle(record)
    assert lost.found == ["Task exception was never retrieved"]
