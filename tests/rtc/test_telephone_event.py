import pytest

from mediaserver.events import DigitPressed
from mediaserver.rtc.telephone_event import LAPSE, TelephoneEvents


@pytest.fixture
def heard():
    return []


@pytest.fixture
def events(heard):
    return TelephoneEvents(8000, heard.append)


def payload(event, duration, *, end=False):
    return bytes((event, 0x80 | 10 if end else 10)) + duration.to_bytes(2, "big")


def press(events, event, start, *, ends=3, updates=4, at=0.0):
    for update in range(1, updates + 1):
        events.feed(start, payload(event, 400 * update), at + update * 0.05)
    for _ in range(ends):
        events.feed(start, payload(event, 400 * (updates + 1), end=True), at + (updates + 1) * 0.05)


def test_one_digit_for_each_key_whatever_is_repeated(events, heard):
    for number, event in enumerate((1, 10, 11, 15)):
        press(events, event, 8000 * number, at=float(number))
    assert heard == [DigitPressed(digit, 250) for digit in "1*#D"]


def test_the_same_key_twice_is_two_digits(events, heard):
    press(events, 5, 0)
    press(events, 5, 4000)
    assert [event.digit for event in heard] == ["5", "5"]


def test_a_lost_end_is_made_up_by_the_next_key_or_by_time(events, heard):
    press(events, 1, 0, ends=0)
    press(events, 2, 8000, ends=0, at=1.0)
    assert heard == [DigitPressed("1", 200)]
    events.lapse(1.2 + LAPSE / 2)
    assert len(heard) == 1
    events.lapse(1.2 + 2 * LAPSE)
    assert heard[1:] == [DigitPressed("2", 200)]
    events.feed(8000, payload(2, 2000, end=True), 2.0)  # its end at last
    assert len(heard) == 2


def test_only_the_end_arrives(events, heard):
    events.feed(0, payload(7, 800, end=True), 0.0)
    assert heard == [DigitPressed("7", 100)]


def test_a_key_held_for_longer_than_a_segment_is_one_digit(events, heard):
    events.feed(0, payload(3, 0xFFFF), 8.0)
    events.feed(0xFFFF, payload(3, 800), 8.1)
    events.feed(0xFFFF, payload(3, 8000, end=True), 9.0)
    assert heard == [DigitPressed("3", (0xFFFF + 8000) * 1000 // 8000)]


def test_timestamps_wrap(events, heard):
    press(events, 1, 0xFFFFF000)
    press(events, 2, 0x00000100)
    assert [event.digit for event in heard] == ["1", "2"]


def test_what_is_no_key_is_ignored(events, heard):
    for data in (b"", b"\x01\x80\x00", payload(16, 100, end=True), payload(255, 100, end=True)):
        events.feed(0, data, 0.0)
    assert heard == []
