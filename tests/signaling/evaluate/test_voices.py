import wave

import numpy as np
import pytest

from signaling.evaluate.noise import RATE
from signaling.evaluate.script import ScriptError, Step
from signaling.evaluate.voiced import level_of, trimmed
from signaling.evaluate.voices import Voices, _espeak, find_voice, read


def tone(ms, level=0.5):
    return (level * np.sin(np.arange(ms * RATE // 1000) * 0.1)).astype(np.float32)


def padded(ms):
    silence = np.zeros(RATE // 5, np.float32)
    return np.concatenate([silence, tone(ms), silence])


def write(path, samples, rate=RATE, width=2):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())


def test_a_sentence_is_spoken_once_and_at_its_level():
    asked = []

    def speak(text, speed):
        asked.append((text, speed))
        return padded(300)

    voices = Voices(speak)
    loud, text = voices.sound(Step(say="hello", level_db=-20))
    quiet, _ = voices.sound(Step(say="hello", level_db=-40))
    assert text == "hello" and asked == [("hello", 1.0)]
    assert level_of(loud) == pytest.approx(0.1, rel=0.01) and level_of(quiet) == pytest.approx(0.01, rel=0.01)


def test_recordings_come_with_their_words(tmp_path):
    write(tmp_path / "hello.wav", padded(300))
    (tmp_path / "transcripts.csv").write_text("file,transcript\nhello.wav,hello there\n")
    voices = Voices(lambda text, speed: tone(100), tmp_path)
    sound, text = voices.sound(Step(clip="hello"))
    assert text == "hello there" and len(sound) == 3 * RATE // 10
    assert voices.sound(Step(wav=str(tmp_path / "hello.wav"), text="good day"))[1] == "good day"


def test_a_noise_has_no_words():
    sound, text = Voices(lambda text, speed: tone(100)).sound(Step(sound="cough", level_db=-20))
    assert text == "" and level_of(sound) > 0.05


def test_files_of_other_rates_are_brought_to_ours(tmp_path):
    write(tmp_path / "half.wav", tone(200), rate=8000)
    assert len(read(tmp_path / "half.wav")) == pytest.approx(2 * len(tone(200)), abs=2)


def test_what_cannot_be_read_is_named(tmp_path):
    (tmp_path / "no.wav").write_bytes(b"RIFF nothing")
    write(tmp_path / "wide.wav", tone(100), width=4)
    voices = Voices(lambda text, speed: tone(100))
    for name, complaint in (("no.wav", "cannot be read"), ("gone.wav", "cannot be read"), ("wide.wav", "32 bit")):
        with pytest.raises(ScriptError, match=complaint):
            voices.sound(Step(wav=str(tmp_path / name)))
    with pytest.raises(ScriptError, match="--recordings"):
        voices.sound(Step(clip="hello"))


def test_this_machine_can_speak_slowly_and_quickly():
    speak = find_voice()
    usual, slow, quick = (trimmed(speak("good morning", speed)) for speed in (1.0, 0.7, 1.5))
    assert len(quick) < len(usual) < len(slow)
    assert RATE // 4 < len(usual) < 3 * RATE


def test_espeak_speaks_where_pico_is_not(monkeypatch):
    monkeypatch.setattr("signaling.evaluate.voices.find_spec", lambda name: None)
    try:
        speak = find_voice()
    except ScriptError:
        pytest.skip("no espeak-ng here")
    assert speak.func is _espeak
    assert RATE // 4 < len(trimmed(speak("good morning", 1.0))) < 3 * RATE


def test_without_a_voice_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr("signaling.evaluate.voices.find_spec", lambda name: None)
    monkeypatch.setattr("signaling.evaluate.voices.shutil.which", lambda name: None)
    with pytest.raises(ScriptError, match="espeak-ng"):
        find_voice()
