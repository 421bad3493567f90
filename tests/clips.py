"""Speech for tests: recorded where the recordings lie beside the repository, else spoken by a synthesiser.

All sound is PCM16 little-endian mono at 16 kHz.
"""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
import wave
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import soxr

RATE = 16000
MOSTLY = 0.55
RECORDINGS = Path(__file__).resolve().parents[2] / "shared" / "speech"

TEXTS = {
    "beach": "wreck a nice beach",
    "cards_001": "ten of clubs",
    "cards_003": "seven of clubs",
    "english123": "one two three",
    "goforward": "go forward ten meters",
    "librivox_0870": "and mister john dashwood had then leisure to consider how much there might be prudently in his "
    "power to do for them",
    "librivox_0880": "he was not an ill disposed young man",
    "librivox_0930": "he might even have been made amiable himself",
    "numbers": "thirty three four oh six ninety two",
    "something": "go somewhere and do something",
}
"""What is said in each clip; a synthesiser says the same where there is no recording."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One utterance and its words; ``human`` is false for a synthesised one, ``scored`` says the text is certain."""

    name: str
    pcm: bytes
    text: str
    human: bool
    scored: bool = False

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.pcm) / 2 / RATE


@cache
def clip(name: str) -> Clip:
    """Return the clip of this name, as in :data:`TEXTS`."""
    path = RECORDINGS / f"{name}.wav"
    if path.exists():
        row = _transcripts().get(path.name, {})
        return Clip(
            name, read_wav(path.read_bytes()), row.get("transcript", TEXTS[name]), True, row.get("scored") == "yes"
        )
    return Clip(name, say(TEXTS[name]), TEXTS[name], False, True)


def understood(name: str, heard: str) -> bool:
    """Say whether this is what a recogniser made of a clip, and of no other: most of its letters, in order.

    The embedded one hears "old forward and leaders" where its windows fall otherwise or a busy machine lost a moment.
    """
    return SequenceMatcher(None, TEXTS[name], heard.lower()).ratio() > MOSTLY


@cache
def say(text: str) -> bytes:
    """Synthesise one sentence with a little silence around it. Raises RuntimeError where there is no synthesiser."""
    silence = bytes(RATE // 5 * 2)
    return silence + (_pico(text) if find_spec("ttspico") else _espeak(text)) + silence


def read_wav(content: bytes) -> bytes:
    """Return the sound of a PCM16 WAV file, mixed to mono and resampled to 16 kHz."""
    with wave.open(io.BytesIO(content)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, file.getnchannels())
        mono = samples.astype(np.float32).mean(axis=1)
        return _to_rate(mono, file.getframerate())


def _to_rate(samples: np.ndarray, rate: int) -> bytes:
    resampled = samples if rate == RATE else soxr.resample(samples, rate, RATE)
    return bytes(np.clip(resampled, -32768, 32767).astype("<i2").tobytes())


@cache
def _transcripts() -> dict[str, dict[str, str]]:
    with (RECORDINGS / "transcripts.csv").open(newline="") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


def _pico(text: str) -> bytes:
    from ttspico import TtsEngine

    return bytes(TtsEngine("en-US").speak(text))


def _espeak(text: str) -> bytes:
    if shutil.which("espeak-ng") is None:
        raise RuntimeError("no recorded speech, no ttspico and no espeak-ng: nothing can speak for the tests")
    command = ["espeak-ng", "-v", "en-us", "-s", "140", "--stdout", text]
    return read_wav(_whole(subprocess.run(command, capture_output=True, check=True, timeout=20).stdout))


def _whole(stream: bytes) -> bytes:
    """Write the true length into the header of a WAV that was streamed with an unknown one."""
    start = stream.index(b"data") + 8
    return (
        stream[:4]
        + (len(stream) - 8).to_bytes(4, "little")
        + stream[8 : start - 4]
        + (len(stream) - start).to_bytes(4, "little")
        + stream[start:]
    )
