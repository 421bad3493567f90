import socket
import struct
import time

from benchmarks import arrival


def _stepped(difference: float) -> bool:
    """Say whether somebody has set the wall clock, by which the kernel stamps, since it was so far from ours."""
    return abs(arrival.Clock._difference() - difference) > 0.001


def _read_late() -> tuple[float, float, float, float, bool]:
    """Return when a datagram was sent, had been sent, is said to have come and was read; and if clocks kept step."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        ours.bind(("127.0.0.1", 0))
        arrival.stamp(ours)
        difference = arrival.Clock._difference()
        before = time.perf_counter()
        other.sendto(b"one", ours.getsockname())
        after = time.perf_counter()
        time.sleep(0.2)
        read = time.perf_counter()
        data, source, at = arrival.receive(ours, read)
        assert (data, source) == (b"one", ("127.0.0.1", other.getsockname()[1]))
        return before, after, at, read, not _stepped(difference)


def test_what_is_read_late_was_still_there_early():
    for _ in range(5):
        before, after, at, read, kept_step = _read_late()
        if kept_step:
            break
    if arrival.STAMPED:
        assert before - 0.001 <= at <= after + 0.001
    else:
        assert at == read


def test_nothing_came_after_it_was_read():
    clock, now = arrival.Clock(), time.perf_counter()
    assert clock.seconds(struct.pack("@ll", int(time.time()) + 60, 0), now) == now
