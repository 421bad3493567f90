import socket
import struct
import time

import pytest

from benchmarks import arrival

MOMENT_S = 0.05


def _read_late(ours: socket.socket, other: socket.socket) -> tuple[float, float, float, float]:
    """Return when a datagram was sent, had been sent, is said to have come, and was read."""
    before = time.perf_counter()
    other.sendto(b"one", ours.getsockname())
    after = time.perf_counter()
    time.sleep(MOMENT_S)
    read = time.perf_counter()
    data, source, at = arrival.receive(ours, read)
    assert (data, source) == (b"one", ("127.0.0.1", other.getsockname()[1]))
    return before, after, at, read


@pytest.mark.skipif(not arrival.STAMPED, reason="the kernel stamps nothing here")
def test_what_is_read_late_was_still_there_early():
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        ours.bind(("127.0.0.1", 0))
        arrival.stamp(ours)
        for _ in range(100):  # the kernel begins a moment after it was asked; until then it stamps as it is read
            before, after, at, read = _read_late(ours, other)
            if at < read:
                break
        assert before - 0.001 <= at <= after + 0.001


@pytest.mark.skipif(arrival.STAMPED, reason="the kernel stamps")
def test_without_a_stamp_it_came_when_it_was_read():
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        ours.bind(("127.0.0.1", 0))
        _, _, at, read = _read_late(ours, other)
        assert at == read


def test_nothing_came_after_it_was_read():
    clock, now = arrival.Clock(), time.perf_counter()
    assert clock.seconds(struct.pack("@ll", int(time.time()) + 60, 0), now) == now
