"""Vosk inside its worker process: sound in, hypotheses out, with a model of the operator's.

Source: vosk-api, ``python/vosk/__init__.py`` and ``src/recognizer.cc`` (JSON of Result, PartialResult, FinalResult).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from vosk import KaldiRecognizer, Model, SetLogLevel

from bridges.local.engine import EngineMissing
from bridges.local.steady import Steady

RATE = 16000
_HYPOTHESIS_EVERY = 5
"""Pieces of sound between two looks at the hypothesis."""
_UNKNOWN = {"[unk]", "<unk>"}
_ERRORS_ONLY = -1


class Vosk:
    """One model; satisfies the worker's Engine.

    Hypotheses are ``{"text", "stable"}``, the result ``{"text", "words"}``: ``[text, start, end, confidence]`` of each, in
    seconds, where a job is told ``words``.
    """

    _recogniser: Any
    _steady: Steady
    _said: list[str]
    _times: list[tuple[str, float, float, float]]
    _pieces: int

    def __init__(self, told: Mapping[str, Any]) -> None:
        SetLogLevel(_ERRORS_ONLY)
        try:
            self._model = Model(told["model"])
        except Exception as problem:  # the library has no other class for it
            raise EngineMissing(f"the Vosk model cannot be loaded: {problem}") from None
        self.facts: dict[str, Any] = {"rate": RATE}
        self.drop()

    def begin(self, told: Mapping[str, Any]) -> None:
        """Start a turn: a new recogniser, as a used one goes on with what it learnt of the last caller's voice."""
        self.drop()
        self._recogniser = KaldiRecognizer(self._model, RATE)
        self._recogniser.SetWords(bool(told.get("words")))

    def feed(self, data: bytes) -> dict[str, Any] | None:
        """Decode some sound; return a hypothesis when it changed."""
        self._pieces += 1
        if self._recogniser.AcceptWaveform(data):
            self._settle(self._recogniser.Result())
            return self._steady.look(list(self._said))
        if self._pieces % _HYPOTHESIS_EVERY:
            return None
        return self._steady.look(self._said + _words(json.loads(self._recogniser.PartialResult())["partial"]))

    def end(self, piece: Callable[[Any], bool]) -> dict[str, Any]:
        """Return what was said."""
        self._settle(self._recogniser.FinalResult())
        result = {"text": " ".join(self._said), "words": self._times}
        self.drop()
        return result

    def drop(self) -> None:
        """Forget the turn."""
        self._recogniser = None
        self._steady = Steady()
        self._said = []
        self._times = []
        self._pieces = 0

    def _settle(self, told: str) -> None:
        """Keep a sentence that the recogniser has ended."""
        result = json.loads(told)
        self._said += _words(result["text"])
        self._times += _timed(result.get("result", ()))


def _words(text: str) -> list[str]:
    return [word for word in text.split() if word not in _UNKNOWN]


def _timed(words: Iterable[Mapping[str, Any]]) -> list[tuple[str, float, float, float]]:
    known = (each for each in words if each["word"] not in _UNKNOWN)
    return [(each["word"], each["start"], each["end"], min(1.0, max(0.0, each["conf"]))) for each in known]
