import wave
from fractions import Fraction

import numpy as np
import pytest
from av import AudioFrame

from signaling.headless.sound import FRAME, RATE, Clip, Ear, Microphone, read_clip


def tone(seconds: float, rate: int = RATE, level: int = 8000) -> np.ndarray:
    return (level * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)).astype(np.int16)


def write(path, samples, rate, channels=1, width=2):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(np.repeat(samples, channels).astype("<i2").tobytes())


def frame(samples, at: int, layout="mono") -> AudioFrame:
    made = AudioFrame.from_ndarray(
        np.repeat(samples, 2 if layout == "stereo" else 1)[None, :], format="s16", layout=layout
    )
    made.sample_rate, made.pts, made.time_base = RATE, at, Fraction(1, RATE)
    return made


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (16000, 1), (44100, 2), (48000, 1)])
def test_clips_of_any_rate_become_ours_and_know_their_last_word(tmp_path, rate, channels):
    sound = np.concatenate([tone(1.0, rate), np.zeros(rate // 2, np.int16)])
    write(tmp_path / "in.wav", sound, rate, channels)
    clip = read_clip(tmp_path / "in.wav")
    assert clip.seconds == pytest.approx(1.5, abs=0.01)
    assert clip.voiced_s == pytest.approx(1.0, abs=0.03)
    assert np.abs(clip.samples).max() == pytest.approx(8000, rel=0.1)


def test_what_is_no_wav_is_refused(tmp_path):
    (tmp_path / "in.wav").write_bytes(b"RIFF but not really")
    with pytest.raises(ValueError, match="not a WAV"):
        read_clip(tmp_path / "in.wav")


async def test_the_microphone_is_silent_then_speaks_and_says_when_the_last_word_left():
    microphone, said = Microphone(), []
    silence = (await microphone.recv()).to_ndarray()
    microphone.say(Clip(np.concatenate([tone(0.06), np.zeros(FRAME, np.int16)]), 0.06), lambda: said.append(True))
    spoken = [np.abs((await microphone.recv()).to_ndarray()).max() for _ in range(2)]
    assert not silence.any()
    assert min(spoken) > 5000
    assert not said
    await microphone.recv()
    assert said == [True]
    assert not (await microphone.recv()).to_ndarray().any()
    microphone.stop()


def test_the_ear_keeps_the_pauses_that_were_not_sent(tmp_path):
    edges = []
    ear = Ear(lambda audible, at: edges.append((audible, round(at, 2))))
    ear.begin(100.0)
    ear.hear(frame(tone(0.02), 0, "stereo"), 101.0)
    ear.hear(frame(tone(0.02), 2 * RATE), 103.0)
    ear.tick(103.2)
    ear.tick(103.4)
    ear.write(tmp_path / "out.wav")
    heard = read_clip(tmp_path / "out.wav").samples
    assert len(heard) == 3 * RATE + FRAME
    assert np.abs(heard[RATE : RATE + FRAME]).max() > 5000
    assert not heard[RATE + FRAME : 3 * RATE].any()
    assert np.abs(heard[3 * RATE :]).max() > 5000
    assert edges == [(True, 101.0), (False, 101.0), (True, 103.0), (False, 103.0)]


def test_quiet_noise_is_not_audible():
    edges = []
    ear = Ear(lambda audible, at: edges.append(audible))
    ear.hear(frame(tone(0.02, level=50), 0), 1.0)
    assert not ear.audible
    assert edges == []
