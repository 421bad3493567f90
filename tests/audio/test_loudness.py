import numpy as np
import pytest

from mediaserver.audio.loudness import CEILING_DB, TARGET, loudness, normalise


class Held:
    """A sound in memory."""

    def __init__(self, pcm: np.ndarray) -> None:
        self.pcm = np.clip(pcm, -32768, 32767).astype(np.int16)

    def __len__(self) -> int:
        return len(self.pcm)

    def read(self, start: int, stop: int) -> np.ndarray:
        return self.pcm[start:stop]

    def write(self, start: int, pcm: np.ndarray) -> None:
        self.pcm[start : start + len(pcm)] = pcm


def sine(rate: int, seconds: float, db: float, hertz: float = 997.0) -> np.ndarray:
    """Return a tone whose peaks are at so many dBFS."""
    return 32768 * 10 ** (db / 20) * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 48000])
def test_a_tone_of_997_hz_is_as_loud_as_the_standard_says(rate):
    """BS.1770: 0 dBFS in one channel is -3.01 LUFS."""
    assert loudness(Held(sine(rate, 20, -20)), rate) == pytest.approx(-23.01, abs=0.05)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [  # EBU Tech 3341, minimum requirements, cases 3 to 5 in one channel: 3 dB less than in two
        (((10, -36), (60, -23), (10, -36)), -26.0),
        (((10, -72), (10, -36), (60, -23), (10, -36), (10, -72)), -26.0),
        (((20, -26), (20.1, -20), (20, -26)), -26.0),
    ],
)
def test_what_is_quiet_is_not_counted(parts, expected):
    whole = np.concatenate([sine(8000, seconds, db) for seconds, db in parts])
    assert loudness(Held(whole), 8000) == pytest.approx(expected, abs=0.1)


def test_silence_has_no_loudness_and_gets_none():
    sound = Held(np.zeros(16000))
    assert loudness(sound, 16000) == -np.inf
    assert normalise(sound, 16000) == 0.0
    assert not sound.pcm.any()
    assert loudness(Held(np.zeros(0)), 16000) == -np.inf


@pytest.mark.parametrize("db", [-40, -20, -1])
def test_every_sound_becomes_as_loud_as_the_others(db):
    sound = Held(sine(16000, 25, db, 440.0))
    normalise(sound, 16000)
    assert loudness(sound, 16000) == pytest.approx(TARGET, abs=0.1)


def oversampled_peak(pcm: np.ndarray) -> float:
    """Return the true peak in dBTP by way of the spectrum."""
    spectrum = np.fft.rfft(pcm / 32768)
    return 20 * np.log10(np.abs(np.fft.irfft(spectrum, 8 * len(pcm))).max() * 8)


def test_peaks_stay_below_the_ceiling_and_what_is_between_is_not_squeezed():
    rate, noise = 16000, np.random.default_rng(2)
    click = 9000 * np.hanning(80) * np.sin(2 * np.pi * 5300 * np.arange(80) / rate)
    speech = sine(rate, 21, -50) * (1 + 0.1 * noise.standard_normal(21 * rate))
    for at in range(1, 20):  # clicks that stand 40 dB above it, across the borders of pieces too
        speech[at * rate - 40 : at * rate + 40] = np.roll(click, at)
    sound = Held(speech)
    gain = 10 ** (normalise(sound, rate) / 20)
    assert oversampled_peak(sound.pcm.astype(float)) < CEILING_DB + 0.3
    between = slice(int(4.2 * rate), int(4.8 * rate))
    assert sound.pcm[between].std() == pytest.approx(gain * speech[between].std(), rel=0.02)


def test_a_tone_whose_peaks_lie_between_the_samples_is_seen_whole():
    """A quarter of the rate, an eighth of a turn off: the samples are 3 dB below the peaks."""
    rate = 16000
    tone = 4000 * np.sin(np.pi / 2 * np.arange(3 * rate) + np.pi / 4)
    tone[: 2 * rate] *= 0.02
    sound = Held(tone)
    normalise(sound, rate, -5.0)
    assert oversampled_peak(sound.pcm[rate:].astype(float)) < CEILING_DB + 0.5
