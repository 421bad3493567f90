import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.audio.silences import pieces, silent

RATE = 1000


def sound(*parts: tuple[float, int]) -> np.ndarray:
    """Return noise of so many seconds and so loud (peak), one after the other."""
    noise = np.random.default_rng(5)
    return np.concatenate([noise.uniform(-1, 1, int(s * RATE)) * level for s, level in parts]).astype(np.int16)


def seconds(ranges: list[tuple[int, int]]) -> list[float]:
    """Return where it was cut."""
    return [end / RATE for _, end in ranges[:-1]]


def test_what_is_short_enough_stays_whole():
    assert pieces(sound((5, 8000)), RATE, 10) == [(0, 5000)]
    assert pieces(np.zeros(0, np.int16), RATE, 10) == []


def test_a_cut_is_in_the_middle_of_a_pause():
    ranges = pieces(sound((27, 8000), (1.0, 20), (15, 8000)), RATE, 30)
    assert seconds(ranges) == [pytest.approx(27.5, abs=0.03)]


def test_a_long_pause_is_better_than_a_short_one_and_of_equal_ones_the_last():
    speech = sound((18, 8000), (0.9, 20), (7, 8000), (0.25, 20), (10, 8000))
    assert seconds(pieces(speech, RATE, 30)) == [pytest.approx(18.45, abs=0.03)]
    speech = sound((18, 8000), (0.5, 20), (7, 8000), (0.5, 20), (10, 8000))
    assert seconds(pieces(speech, RATE, 30)) == [pytest.approx(25.75, abs=0.03)]


def test_without_a_pause_it_is_cut_where_it_is_quietest():
    ranges = pieces(sound((24, 8000), (0.1, 2000), (15, 8000)), RATE, 30)
    assert seconds(ranges) == [pytest.approx(24.05, abs=0.06)]


def test_a_pause_in_a_noisy_room_is_a_pause():
    ranges = pieces(sound((25, 8000), (0.6, 300), (15, 8000)), RATE, 30)
    assert seconds(ranges) == [pytest.approx(25.3, abs=0.03)]


def test_no_crumb_is_left_at_the_end():
    ranges = pieces(sound((30.5, 8000)), RATE, 30, 10)
    assert min(end - start for start, end in ranges) >= 10 * RATE


@given(length=st.integers(0, 20_000), longest=st.floats(0.01, 8), shortest=st.floats(0, 8), seed=st.integers(0, 9))
def test_pieces_cover_everything_once(length, longest, shortest, seed):
    pcm = np.random.default_rng(seed).integers(-9000, 9000, length).astype(np.int16)
    pcm[length // 3 : length // 2] //= 500
    ranges = pieces(pcm, RATE, longest, shortest)
    assert [start for start, _ in ranges] == [0, *(end for _, end in ranges[:-1])][: len(ranges)]
    assert (ranges[-1][1] if ranges else 0) == length
    assert all(0 < end - start <= max(1, int(longest * RATE)) for start, end in ranges)


def test_a_mapped_file_is_cut_like_any_other(tmp_path):
    pcm = sound((25, 8000), (1.0, 0), (15, 8000))
    (tmp_path / "a").write_bytes(pcm.tobytes())
    mapped = np.memmap(tmp_path / "a", "<i2", mode="r")
    assert pieces(mapped, RATE, 30) == pieces(pcm, RATE, 30)


def test_silence_is_where_nobody_can_be_heard():
    assert silent(np.zeros(100 * RATE, np.int16), RATE)
    assert silent(sound((90, 20)), RATE)
    assert silent(np.zeros(0, np.int16), RATE)
    assert not silent(sound((90, 20), (0.2, 900), (5, 20)), RATE)
    assert not silent(sound((0.05, 8000)), RATE)
