"""Whisper (faster-whisper) inside its worker process: a whole turn or file in, its text out, with a model of the operator's.

Source: SYSTRAN/faster-whisper, ``transcribe.py``: ``WhisperModel``, ``Segment``, ``Word``, ``TranscriptionInfo``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from faster_whisper import WhisperModel

from bridges.local.engine import EngineMissing

RATE = 16000


class Whisper:
    """One model; satisfies the worker's Engine.

    Told ``language``, ``prompt``, ``temperature``, ``keywords``, ``translate`` and ``words``. The result has ``text``,
    ``language``, ``segments`` (``[text, start, end]``) and ``words`` (``[text, start, end, confidence]``), in seconds.
    """

    _told: Mapping[str, Any]

    def __init__(self, told: Mapping[str, Any]) -> None:
        try:
            self._model = WhisperModel(
                told["model"],
                device=told["device"],
                compute_type=told["compute_type"],
                cpu_threads=told["threads"],
                local_files_only=True,
            )
        except Exception as problem:  # the library raises what its libraries raise
            raise EngineMissing(f"the Whisper model cannot be loaded: {problem}") from None
        self._beam = told["beam"]
        self.facts: dict[str, Any] = {"rate": RATE, "languages": list(self._model.supported_languages)}
        self.drop()

    def begin(self, told: Mapping[str, Any]) -> None:
        """Start a turn or file."""
        self.drop()
        self._told = told

    def feed(self, data: bytes) -> None:
        """Keep some sound."""
        self._pcm += data

    def end(self, piece: Callable[[Any], bool]) -> dict[str, Any]:
        """Return what was said; between two segments it is asked whether anybody still wants to know."""
        segments, info = self._model.transcribe(
            np.frombuffer(bytes(self._pcm), np.int16).astype(np.float32) / 32768, **self._asked()
        )
        written = []
        for segment in segments:
            written.append(segment)
            if not piece(segment.text):
                break
        self.drop()
        return {
            "text": "".join(each.text for each in written).strip(),
            "language": info.language,
            "segments": [(each.text.strip(), float(each.start), float(each.end)) for each in written],
            "words": [_word(word) for each in written for word in each.words or ()],
        }

    def drop(self) -> None:
        """Forget the turn or file."""
        self._pcm = bytearray()
        self._told = {}

    def _asked(self) -> dict[str, Any]:
        told = self._told
        asked = {
            "language": told.get("language"),
            "task": "translate" if told.get("translate") else "transcribe",
            "initial_prompt": told.get("prompt") or None,
            "hotwords": ", ".join(told.get("keywords", ())) or None,
            "word_timestamps": bool(told.get("words")),
            "beam_size": self._beam,
            "condition_on_previous_text": False,  # one hallucination would breed the next
        }
        return asked if told.get("temperature") is None else {**asked, "temperature": told["temperature"]}


def _word(word: Any) -> tuple[str, float, float, float]:
    return word.word.strip(), float(word.start), float(word.end), min(1.0, max(0.0, float(word.probability)))
