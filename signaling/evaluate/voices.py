"""What the caller says, as sound: spoken by the voice of this machine, or read from a file or a recording."""

from __future__ import annotations

import csv
import shutil
import subprocess
import wave
import zlib
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import soxr

from signaling.evaluate.noise import RATE, Samples, burst
from signaling.evaluate.script import ScriptError, Step
from signaling.evaluate.voiced import level_of, trimmed

WORDS_PER_MINUTE = 165
SPEAK_S = 20.0

Speak = Callable[[str, float], Samples]
"""Text and pace into samples of any level."""


class Voices:
    """Gives the sound and the words of each step, at the step's own level and without silence around it."""

    def __init__(self, speak: Speak, recordings: Path | None = None) -> None:
        self._speak = speak
        self._recordings = recordings
        self._spoken: dict[tuple[str, float], Samples] = {}
        self._texts = _transcripts(recordings) if recordings else {}

    def sound(self, step: Step) -> tuple[Samples, str]:
        """Return samples (full scale is 1) and the words in them. Raises ScriptError for what cannot be read or spoken."""
        if step.sound is not None:
            return _levelled(burst(step.sound, zlib.crc32(step.sound.encode())), step.level_db), ""
        if step.say is not None:
            return _levelled(self.spoken(step.say, step.speed), step.level_db), step.say
        path = self._path(step)
        return _levelled(trimmed(read(path)), step.level_db), step.text or self._texts.get(path.name, "")

    def spoken(self, text: str, speed: float = 1.0) -> Samples:
        """Return a sentence without silence around it; each is spoken once."""
        key = text, speed
        if key not in self._spoken:
            self._spoken[key] = trimmed(self._speak(text, speed))
        return self._spoken[key]

    def _path(self, step: Step) -> Path:
        if step.wav is not None:
            return Path(step.wav)
        if self._recordings is None:
            raise ScriptError(f"clip {step.clip}: say with --recordings where the recordings lie")
        return self._recordings / f"{Path(str(step.clip)).name}.wav"


def find_voice() -> Speak:
    """Return the voice of this machine. Raises ScriptError when there is none."""
    if find_spec("ttspico") is not None:
        from ttspico import TtsEngine

        return partial(_pico, TtsEngine("en-US"))
    if (program := shutil.which("espeak-ng")) is not None:
        return partial(_espeak, program)
    raise ScriptError("nothing here can speak: pip install 'mediaserver[local]', or install espeak-ng")


def _pico(engine: object, text: str, speed: float) -> Samples:
    level = round(100 * speed)
    marked = text if level == 100 else f"<speed level='{level}'>{text}</speed>"
    return _floats(bytes(engine.speak(marked)))  # type: ignore[attr-defined]  # the package has no types


def _espeak(program: str, text: str, speed: float) -> Samples:
    pace = str(round(WORDS_PER_MINUTE * speed))
    command = [program, "-v", "en-us", "-s", pace, "--stdout", "--", text]
    made = subprocess.run(command, capture_output=True, check=True, timeout=SPEAK_S).stdout  # noqa: S603
    start = made.index(b"data") + 8  # the length in the header of a stream is not the true one
    return _at_rate(_floats(made[start : start + (len(made) - start & ~1)]), int.from_bytes(made[24:28], "little"))


def read(path: Path) -> Samples:
    """Return a PCM16 WAV file of any rate and number of channels as mono at :data:`RATE`. Raises ScriptError."""
    try:
        with wave.open(str(path), "rb") as file:
            if file.getsampwidth() != 2:
                raise ScriptError(f"{path}: {8 * file.getsampwidth()} bit samples; 16 bit PCM is wanted")
            samples = _floats(file.readframes(file.getnframes())).reshape(-1, file.getnchannels())
            return _at_rate(samples.mean(axis=1), file.getframerate())
    except (OSError, wave.Error, EOFError) as problem:
        raise ScriptError(f"{path} cannot be read: {problem}") from None


def _levelled(samples: Samples, level_db: float) -> Samples:
    level = level_of(samples)
    return samples * np.float32(10 ** (level_db / 20) / level) if level > 0 else samples


def _floats(pcm: bytes) -> Samples:
    return np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)


def _at_rate(samples: Samples, rate: int) -> Samples:
    resampled: Samples = samples if rate == RATE else soxr.resample(samples, rate, RATE)
    return resampled


def _transcripts(recordings: Path) -> dict[str, str]:
    path = recordings / "transcripts.csv"
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        return {row.get("file", ""): row.get("transcript", "") for row in csv.DictReader(file)}
