import random

import pytest

from mediaserver.rtc.jitter import CAPACITY, LEAST_MS, MAX_DROPOUT, MOST_LOST, MOST_MS, Delays, JitterBuffer, Lost
from mediaserver.rtc.rtp import Packet

CLOCK = 48000


def packet(number, timestamp=None):
    return Packet(111, False, number & 0xFFFF, (number * 960 if timestamp is None else timestamp) & 0xFFFFFFFF, 1, b"x")


class Rig:
    def __init__(self):
        self.buffer = JitterBuffer()
        self.out = []
        self.now = 0.0

    def push(self, number, at=None, timestamp=None):
        self.now = number * 0.02 if at is None else at
        filed = self.buffer.push(packet(number, timestamp), self.now, CLOCK)
        return filed, self.pop()

    def pop(self, at=None):
        self.now = self.now if at is None else at
        found = []
        while (item := self.buffer.pop(self.now)) is not None:
            found.append(("lost", item.packets, item.adjacent) if isinstance(item, Lost) else item.sequence)
        self.out += found
        return found


@pytest.fixture
def rig():
    """300 packets have come in time; number 10 is the next."""
    made = Rig()
    for number in range(-290, 10):
        made.push(number)
    made.out.clear()
    return made


def test_in_order_is_at_once(rig):
    for number in range(10, 20):
        assert rig.push(number)[1] == [number]
    assert rig.buffer.target * 1000 == LEAST_MS


def test_a_gap_that_closes_in_time_loses_nothing(rig):
    assert rig.push(11)[1] == []
    assert rig.push(10, at=0.225)[1] == [10, 11]


def test_a_gap_is_given_up_at_the_target_and_never_waited_for_again(rig):
    rig.push(11)
    assert rig.pop(at=0.235) == []
    assert rig.pop(at=0.2401) == [("lost", 1, True), 11]
    assert rig.push(10, at=0.25)[1] == []
    assert rig.buffer.late == 1
    for number in range(12, 100):
        assert rig.push(number)[1] == [number]


def test_a_burst_is_given_up_packet_by_packet(rig):
    assert rig.push(13, at=0.2599)[1] == [("lost", 1, False)]
    assert rig.pop(at=0.2601) == [("lost", 1, False)]
    assert rig.pop(at=0.2799) == []
    assert rig.pop(at=0.2801) == [("lost", 1, True), 13]


def test_a_gap_waits_no_longer_than_packets_are_late():
    rig = Rig()
    for number in range(200):
        rig.push(number, at=number * 0.02 + (0.09 if number % 20 == 10 else 0.0))
    assert rig.buffer.target == pytest.approx(0.1)
    rig.push(201, at=4.02)
    assert rig.pop(at=4.0999) == []
    assert rig.pop(at=4.1001) == [("lost", 1, True), 201]  # number 200 was due at 4.0


def mend(rig, number, back, offset=None):
    """Let packet ``number`` repeat the one ``back`` before it, then push it."""
    repeated = rig.buffer.mend(packet(number), 960 * back if offset is None else offset, 111, b"copy")
    return repeated, rig.push(number)[1]


def test_a_copy_closes_a_gap_at_once(rig):
    assert mend(rig, 11, 1) == (True, [10, 11])
    assert mend(rig, 14, 2) == (True, [12])
    assert rig.pop(at=1.0) == [("lost", 1, True), 14]


def test_an_original_after_its_copy_is_a_duplicate_that_did_arrive(rig):
    mend(rig, 11, 1)
    mend(rig, 14, 2)
    mend(rig, 15, 2)  # 13 waits for nothing but is held
    for number in (10, 12, 13):
        filed, out = rig.push(number, at=0.31)
        assert (filed is not None, out) == (True, [])
        assert rig.push(number, at=0.31) == (None, [])
    assert rig.buffer.duplicate == 6
    assert rig.buffer.late == 0


@pytest.mark.parametrize(
    ("back", "offset"), [(1, None), (2, None), (5, None), (0, 0), (0, 1), (0, 959), (0, 1441), (17, None)]
)
def test_a_copy_of_what_is_not_missing_changes_nothing(rig, back, offset):
    assert mend(rig, 10, back, offset) == (False, [10])
    assert rig.buffer.duplicate == 0


def test_copies_before_the_first_packet_or_from_another_time_are_left_out(rig):
    assert not JitterBuffer().mend(packet(5), 960, 111, b"copy")
    assert not mend(rig, 10 + CAPACITY + 1, 1)[0]


def test_a_copy_goes_by_how_long_a_packet_lasts():
    rig = Rig()
    for number in range(5):
        rig.push(number, at=number * 0.06, timestamp=number * 2880)
    gone = Packet(111, False, 6, 6 * 2880, 1, b"x")
    assert not rig.buffer.mend(gone, 960, 111, b"copy")
    assert rig.buffer.mend(gone, 2880, 111, b"copy")
    assert rig.pop() == [5]


def test_duplicates_and_replays_are_dropped(rig):
    for number in (9, 5, 0):
        assert rig.push(number, at=0.2) == (None, [])
    rig.push(11)
    assert rig.push(11, at=0.221) == (None, [])
    assert rig.buffer.duplicate == 4
    rig.push(12, at=0.3)
    assert rig.push(10, at=0.3)[0] is not None
    assert rig.push(10, at=0.3)[0] is None


@pytest.mark.parametrize("start", [65530, 65535, 0, 32766])
def test_sequence_and_timestamps_wrap(start):
    rig = Rig()
    for number in range(40):
        rig.push(start + number, at=number * 0.02, timestamp=0xFFFFF000 + number * 960)
    assert rig.out == [start + number & 0xFFFF for number in range(40)]
    assert rig.buffer.target * 1000 == LEAST_MS


def test_a_long_gap_is_one_loss(rig):
    rig.push(10 + MOST_LOST + 5, at=5.0)
    assert rig.pop(at=9.0) == []
    assert rig.out == [("lost", MOST_LOST + 5, True), 10 + MOST_LOST + 5]


def test_a_huge_jump_needs_two_packets_and_begins_anew(rig):
    far = 10 + MAX_DROPOUT + 50
    assert rig.push(far, at=1.0) == (None, [])
    assert rig.push(10, at=1.0)[1] == [10]  # it was a stray
    assert rig.push(far, at=1.02) == (None, [])
    assert rig.push(far + 1, at=1.04)[1] == [far + 1]
    assert rig.buffer.resets == 1


def test_memory_is_bounded(rig):
    for number in range(11, 11 + 10 * CAPACITY, 2):
        rig.push(number, at=0.2)
        assert len(rig.buffer.held) <= CAPACITY
    assert rig.out[-1] >= 11 + 8 * CAPACITY


def test_the_target_grows_with_the_second_late_packet_and_shrinks_within_five_seconds():
    delays, now = Delays(), 0.0
    for _ in range(300):
        delays.note(0.0, now := now + 0.02)
    delays.note(0.13, now)
    assert delays.target * 1000 == LEAST_MS  # one in two hundred is nothing
    delays.note(0.13, now)
    assert delays.target == pytest.approx(0.14)
    since = now
    while delays.target * 1000 > LEAST_MS:
        delays.note(0.0, now := now + 0.02)
    assert now - since <= 5.0


def test_the_target_is_bounded_and_forgets_a_path_that_got_longer():
    delays, now = Delays(), 0.0
    for transit in (0.0, 1.5):
        for _ in range(300):
            delays.note(transit, now := now + 0.02)
            assert delays.target * 1000 <= MOST_MS
    assert delays.target * 1000 == LEAST_MS


def test_a_new_clock_of_timestamps_is_no_lateness():
    delays = Delays()
    delays.note(0.0, 1.0)
    delays.note(5000.0, 1.02)
    assert delays.target * 1000 == LEAST_MS


def test_packets_that_tell_no_time_are_ordered_all_the_same():
    buffer = JitterBuffer()
    for number in (0, 2, 1):
        buffer.push(packet(number, 5), number * 0.02, 0)
        found = buffer.pop(0.0)
    assert found is not None


@pytest.mark.parametrize("seed", range(5))
def test_whatever_comes_order_holds_and_nothing_comes_twice(seed):
    chance, rig, now = random.Random(seed), Rig(), 0.0
    for step in range(3000):
        now += 0.02
        rig.push(max(0, step + chance.choice((0, 0, 0, -1, -2, 3, -40))), at=now)
    heard = [entry for entry in rig.out if isinstance(entry, int)]
    assert heard == sorted(set(heard))
    assert len(rig.buffer.held) <= CAPACITY
