import numpy as np
import pytest

from mediaserver.audio.stretch import continued, joined, lengthened, shortened

RATE = 24000
FRAME = RATE // 50
PITCHES = (50, 80, 120, 200, 333, 440, 1000, 3000, 7000)


def sine(hz, size, start=0):
    return (8000 * np.sin(2 * np.pi * hz * np.arange(start, start + size) / RATE)).astype(np.int16)


def steepest(*pieces):
    return int(np.abs(np.diff(np.concatenate(pieces).astype(int))).max())


@pytest.mark.parametrize("hz", PITCHES)
def test_a_splice_does_not_click(hz):
    clean, sound = steepest(sine(hz, RATE)), sine(hz, 2 * FRAME)
    before, after = sine(hz, FRAME, -FRAME), sine(hz, FRAME, 2 * FRAME)
    for changed in (shortened(sound, RATE, FRAME // 2, FRAME), lengthened(sound, RATE, FRAME // 4, FRAME // 2)):
        assert steepest(before, changed, after) <= 1.5 * clean


def test_takes_and_gives_what_was_asked_for_and_keeps_the_ends():
    sound = np.random.default_rng(1).integers(-5000, 5000, 2 * FRAME).astype(np.int16)
    short = shortened(sound, RATE, FRAME // 2, FRAME)
    assert FRAME // 2 <= len(sound) - len(short) <= FRAME
    assert len(shortened(sound, RATE, FRAME, FRAME)) == FRAME
    long = lengthened(sound, RATE, FRAME // 4, FRAME // 2)
    assert FRAME // 4 <= len(long) - len(sound) <= FRAME // 2
    for changed in (short, long):
        assert (changed[0], changed[-1]) == (sound[0], sound[-1])


def test_of_equal_cuts_it_takes_the_longest():
    assert len(shortened(np.full(2 * FRAME, 100, np.int16), RATE, FRAME // 2, FRAME)) == FRAME


def test_what_repeats_itself_is_cut_by_a_whole_number_of_periods():
    removed = 2 * FRAME - len(shortened(sine(200, 2 * FRAME), RATE, FRAME // 2, FRAME))
    assert removed % (RATE // 200) == 0


@pytest.mark.parametrize("hz", PITCHES)
def test_goes_on_as_it_was_and_meets_what_comes_without_a_click(hz):
    past, later = sine(hz, FRAME), sine(hz, FRAME, FRAME + 37)
    ahead = continued(past, RATE, 3 * FRAME)
    assert len(ahead) == 3 * FRAME
    assert steepest(past, ahead) <= 1.5 * steepest(sine(hz, RATE))
    whole = joined(ahead[FRAME:], later, RATE, FRAME // 2)
    assert FRAME <= len(whole) <= FRAME + FRAME // 2
    assert steepest(past, ahead[:FRAME], whole) <= 1.5 * steepest(sine(hz, RATE))
    assert whole[-1] == later[-1]


def test_silence_goes_on_as_silence():
    silence = np.zeros(FRAME, np.int16)
    assert not continued(silence, RATE, FRAME).any()
    assert not joined(silence, silence, RATE, FRAME // 2).any()
