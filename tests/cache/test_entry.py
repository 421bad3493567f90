import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.cache.entry import Entry, pack, unpack

KEY, OTHER = "a" * 64, "b" * 64
ENTRY = Entry(1000.5, 2000.0, b'{"rate":8000}', bytes(range(256)))


def test_what_was_packed_comes_back():
    assert unpack(KEY, pack(KEY, ENTRY)) == ENTRY


def test_an_entry_under_another_name_is_none():
    assert unpack(OTHER, pack(KEY, ENTRY)) is None


@pytest.mark.parametrize("at", [0, 5, 14, 20, 30, 100, -1])
def test_one_wrong_bit_anywhere_makes_it_none(at):
    data = bytearray(pack(KEY, ENTRY))
    data[at] ^= 1
    assert unpack(KEY, bytes(data)) is None


@given(st.binary(max_size=200), st.integers(0, 330))
def test_garbage_and_what_was_cut_off_are_none(garbage, cut):
    assert unpack(KEY, garbage) is None
    whole = pack(KEY, ENTRY)
    assert unpack(KEY, whole[: min(cut, len(whole) - 1)] + garbage[: cut % 3]) in (None, ENTRY)


def test_an_entry_is_fresh_until_its_time_and_for_who_takes_its_age():
    assert ENTRY.fresh(1999.9) and not ENTRY.fresh(2000.0)
    assert ENTRY.fresh(1100.0, 100.0) and not ENTRY.fresh(1101.0, 100.0)
