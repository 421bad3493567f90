import numpy as np
import pytest

from signaling.evaluate.noise import BURSTS, RATE, babble, burst, pink, unit, white


def rms(samples):
    return float(np.sqrt(np.mean(samples.astype(float) ** 2)))


@pytest.mark.parametrize("make", [white, pink])
def test_noise_has_its_length_and_level_and_comes_again_from_its_seed(make):
    one = make(1.0, 7)
    assert len(one) == RATE and rms(one) == pytest.approx(1, abs=0.02)
    assert np.array_equal(one, make(1.0, 7)) and not np.array_equal(one, make(1.0, 8))


def test_pink_noise_falls_with_the_frequency():
    power = np.abs(np.fft.rfft(pink(4.0, 1))) ** 2
    low, high = power[400:800].mean(), power[6400:12800].mean()  # 100..200 Hz, 1600..3200 Hz: four octaves apart
    assert 10 * np.log10(low / high) == pytest.approx(12, abs=2)


def test_babble_is_all_voices_at_once_for_as_long_as_it_takes():
    voices = [white(0.5, seed) for seed in (1, 2, 3)]
    whole = babble(2.0, 5, voices)
    assert len(whole) == 2 * RATE and rms(whole) == pytest.approx(1, abs=0.01)
    assert np.array_equal(whole, babble(2.0, 5, voices))


@pytest.mark.parametrize("name", BURSTS)
def test_each_noise_is_short_and_audible(name):
    sound = burst(name, 3)
    assert 0.1 < len(sound) / RATE < 2 and rms(sound) == pytest.approx(1, abs=0.01)


def test_silence_stays_silence():
    assert not unit(np.zeros(10, np.float32)).any() and not len(unit(np.zeros(0, np.float32)))
