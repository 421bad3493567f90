"""A stand-in for the package ``vosk`` with its documented names, for where there is no model: it hears numbers.

Each half second of sound is the next number; half a second of silence behind some ends the sentence. Of a model's directory
it reads one file, which says that it is one.
"""

import json
from pathlib import Path
from typing import Any

WORDS = ("one", "two", "[unk]", "three", "four", "five")
RATE = 16000


def SetLogLevel(level: int) -> None:  # noqa: N802
    """Nothing is logged."""


class Model:
    def __init__(self, model_path: str) -> None:
        if (Path(model_path) / "am" / "final.mdl").read_bytes() != b"stand-in":
            raise Exception("Failed to create a model")


class KaldiRecognizer:
    def __init__(self, model: Model, rate: float) -> None:
        assert rate == RATE
        self._times = False
        self._heard = self._quiet = self._told = self._now = 0
        self._starts: list[int] = []

    def SetWords(self, enable: bool) -> None:  # noqa: N802
        self._times = enable

    def AcceptWaveform(self, data: bytes) -> int:  # noqa: N802
        self._now += len(data) // 2
        if any(data):
            if self._heard % (RATE // 2) == 0:
                self._starts.append(self._now - len(data) // 2)
            self._heard += len(data) // 2
            self._quiet = 0
        else:
            self._quiet += len(data) // 2
        return int(self._quiet >= RATE // 2 and len(self._starts) > self._told)

    def PartialResult(self) -> str:  # noqa: N802
        return json.dumps({"partial": " ".join(WORDS[self._told : len(self._starts)])})

    def Result(self) -> str:  # noqa: N802
        told, self._told = self._told, len(self._starts)
        words: list[dict[str, Any]] = [
            {"word": WORDS[at], "start": self._starts[at] / RATE, "end": self._starts[at] / RATE + 0.5, "conf": 1.0}
            for at in range(told, len(self._starts))
        ]
        text = {"text": " ".join(word["word"] for word in words)}
        return json.dumps({"result": words, **text} if self._times and words else text)

    FinalResult = Result
