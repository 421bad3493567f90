"""A benchmark that is stopped leaves no server behind."""

import signal
import subprocess
import sys

import psutil

from benchmarks.peers.environment import ROOT
from tests.leaks import GRACE_S

BENCHMARK = """
from benchmarks.ending import end_what_was_started
from benchmarks.servers import OURS, running
import time

end_what_was_started()
with running(OURS) as (_, pid):
    print(pid, flush=True)
    time.sleep(60)
"""
IN_A_LOOP = BENCHMARK.replace("    time.sleep(60)", "    import asyncio; asyncio.run(asyncio.sleep(60))")


def stopped(program: str) -> tuple[int, int]:
    """Start a benchmark, stop it when its server is up; return its exit code and the server's process id."""
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as benchmark:
        assert benchmark.stdout is not None
        server = int(benchmark.stdout.readline())
        assert psutil.pid_exists(server)
        benchmark.send_signal(signal.SIGTERM)
        return benchmark.wait(60), server


def gone(pid: int) -> bool:
    try:
        psutil.Process(pid).wait(GRACE_S)
    except psutil.NoSuchProcess:
        return True
    return not psutil.pid_exists(pid)


def test_its_server_is_gone():
    code, server = stopped(BENCHMARK)
    assert code == 128 + signal.SIGTERM
    assert gone(server)


def test_and_when_it_waits_in_an_event_loop():
    code, server = stopped(IN_A_LOOP)
    assert code == 128 + signal.SIGTERM
    assert gone(server)
