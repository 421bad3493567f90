import numpy as np
import pytest

from mediaserver.audio.resample import MakeResampler, Resampler, ThoroughResampler

PAIRS = [(8000, 16000), (16000, 8000), (16000, 24000), (24000, 16000), (48000, 16000), (16000, 48000), (22050, 24000)]


def sine(rate, hertz, seconds=1.0, loud=8000):
    time = np.arange(int(rate * seconds)) / rate
    return np.rint(np.sin(2 * np.pi * hertz * time) * loud).astype("<i2")


def fed(resampler, samples, size):
    pcm = samples.tobytes()
    return [resampler.feed(pcm[start : start + size]) for start in range(0, len(pcm), size)]


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_tone_is_the_same_tone_and_a_frame_in_is_a_frame_out(source, target):
    resampler = Resampler(source, target)
    frames = fed(resampler, sine(source, 700), source // 50 * 2)
    assert {len(frame) for frame in frames} == {target // 50 * 2}
    made = np.frombuffer(b"".join(frames), "<i2").astype(float)
    wanted = np.sin(2 * np.pi * 700 * (np.arange(len(made)) / target - resampler.delay / source)) * 8000
    middle = slice(target // 5, -target // 5)
    error = made[middle] - wanted[middle]
    assert 10 * np.log10(np.sum(wanted[middle] ** 2) / np.sum(error**2)) > 70
    assert resampler.delay / source <= 0.0021


def test_what_the_lower_rate_cannot_hold_is_filtered_out():
    made = np.frombuffer(Resampler(16000, 8000).feed(sine(16000, 6000).tobytes()), "<i2")
    assert np.abs(made[200:-200]).max() <= 8


@pytest.mark.parametrize("size", [1, 7, 320, 1000, 64000])
def test_how_it_is_cut_does_not_matter(size):
    samples = sine(16000, 440, 0.2)
    whole = Resampler(16000, 24000).feed(samples.tobytes())
    cut = b"".join(fed(Resampler(16000, 24000), samples, size))
    assert len(cut) == len(whole)
    difference = np.frombuffer(cut, "<i2").astype(int) - np.frombuffer(whole, "<i2")
    assert np.abs(difference).max() <= 1  # products of other sizes round differently


def test_flush_gives_the_rest_and_begins_anew():
    resampler, samples = Resampler(16000, 8000), sine(16000, 440, 0.1)
    first = resampler.feed(samples.tobytes()) + resampler.flush()
    assert len(first) // 2 >= 800 + resampler.delay // 2
    assert resampler.feed(samples.tobytes()) + resampler.flush() == first


def test_equal_rates_pass_through():
    resampler = Resampler(16000, 16000)
    assert resampler.feed(b"abcd") == b"abcd"
    assert resampler.flush() == b""


def test_loud_sound_is_clipped_not_wrapped():
    square = np.where(np.arange(16000) // 20 % 2, 32767, -32768).astype("<i2")
    made = np.frombuffer(Resampler(16000, 24000).feed(square.tobytes()), "<i2")
    assert np.abs(np.diff(made.astype(int)))[100:].max() < 65536
    assert made.max() == 32767


def test_the_thorough_one_gives_the_same_sound_and_less_of_what_is_folded() -> None:
    def rest(make: MakeResampler, hertz: float) -> float:
        """Return the level of a tone after 48 to 16 kHz, as a share of its own."""
        time = np.arange(48000) / 48000
        pcm = (10000 * np.sin(2 * np.pi * hertz * time)).astype("<i2").tobytes()
        resampler = make(48000, 16000)
        made = b"".join(resampler.feed(pcm[at : at + 1920]) for at in range(0, len(pcm), 1920)) + resampler.flush()
        sound = np.frombuffer(made, "<i2").astype(float)
        assert len(sound) == pytest.approx(16000, abs=20)
        return float(sound[2000:-2000].std() / (10000 / 2**0.5))

    assert rest(ThoroughResampler, 1000) == pytest.approx(1.0, abs=0.01)
    assert rest(ThoroughResampler, 8200) < rest(Resampler, 8200)
