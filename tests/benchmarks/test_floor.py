"""The floor: what it adds up, and that each of its lines does the work that it names."""

import pytest

from benchmarks import floor
from benchmarks.floor import DATAGRAM, DECODE, DECODE_CALL, ENCODE, ENCODE_CALL, PROTECT, UNPROTECT, Floor


def test_the_floor_is_the_quickest_round_of_each_line_without_the_calls_themselves():
    taken = {DECODE: [31.0, 40.0], DECODE_CALL: [1.0], ENCODE: [200.0, 162.0], ENCODE_CALL: [2.0, 3.0]}
    taken |= {PROTECT: [3.0], UNPROTECT: [2.0], DATAGRAM: [5.0]}
    each = Floor(taken)
    assert each.frame_us == pytest.approx(30 + 160 + 3 + 2 + 5)
    assert each.calls == pytest.approx(100)


def test_every_line_is_measured_and_harder_work_takes_longer():
    measured = floor.measure(rounds=3)
    assert all(len(each) == 3 and min(each) > 0 for each in measured.taken.values())
    cheap, dear = (measured.least(f"encode 24 kHz, 32 kb/s, complexity {level}") for level in (0, 9))
    assert cheap < dear
    assert measured.least(DECODE_CALL) < measured.least(DECODE), "the refused call did the work"
    assert measured.least(ENCODE_CALL) < measured.least(ENCODE), "the refused call did the work"
    assert [len(row) for row in floor.rows(measured)] == [3] * len(measured.taken)


def test_what_is_encrypted_can_be_decrypted_every_time():
    work = floor.unprotecting([bytes([0x80, 111, 0, index]) + bytes(8) + b"sound" for index in range(3)])
    work()
    work()
