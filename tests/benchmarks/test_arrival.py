import socket
import struct
import time

from benchmarks import arrival


def test_what_is_read_late_was_still_there_early():
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        ours.bind(("127.0.0.1", 0))
        arrival.stamp(ours)
        before = time.perf_counter()
        other.sendto(b"one", ours.getsockname())
        after = time.perf_counter()
        time.sleep(0.2)
        read = time.perf_counter()
        data, source, at = arrival.receive(ours, read)
        assert (data, source) == (b"one", ("127.0.0.1", other.getsockname()[1]))
        if arrival.STAMPED:
            assert before - 0.001 <= at <= after + 0.001
        else:
            assert at == read


def test_nothing_came_after_it_was_read():
    clock, now = arrival.Clock(), time.perf_counter()
    assert clock.seconds(struct.pack("@ll", int(time.time()) + 60, 0), now) == now
