import numpy as np
import pytest

from mediaserver.audio.pcm import Narrowed, peak, rms
from tests.clips import clip


def sine(hz, rate, ms=200):
    return (np.sin(np.arange(rate * ms // 1000) * 2 * np.pi * hz / rate) * 8000).astype("<i2").tobytes()


def test_rms_of_a_sine_and_of_nothing():
    assert rms(sine(1000, 24000)) == pytest.approx(8000 / np.sqrt(2), rel=0.01)
    assert rms(b"") == rms(bytes(960)) == 0


def test_the_peak_is_the_largest_on_either_side():
    assert peak(np.array([3, -20, 7], "<i2").tobytes()) == 20
    assert peak(bytearray()) == 0


@pytest.mark.parametrize("rate", [11025, 12000, 22050, 24000, 44100])
def test_every_rate_keeps_its_time_and_the_band_of_a_voice(rate):
    narrowed = Narrowed(rate)
    frame = rate // 50 * 2
    sound = sine(500, rate)
    made = b"".join(narrowed.feed(sound[at : at + frame]) for at in range(0, len(sound), frame))
    assert len(made) // 2 == pytest.approx(1600, abs=12)
    assert rms(made) == pytest.approx(rms(sound), rel=0.15)


def test_frames_are_joined_without_a_seam():
    sound = clip("numbers").pcm[:64000]
    whole, pieces = Narrowed(24000), Narrowed(24000)
    assert whole.feed(sound) == b"".join(pieces.feed(sound[at : at + 960]) for at in range(0, len(sound), 960))
