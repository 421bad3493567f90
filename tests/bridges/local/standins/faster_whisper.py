"""A stand-in for the package ``faster_whisper`` with its documented names, for where there is no model.

It says of each second of sound that it was ``second N``, and writes what it was asked into ``asked.json`` of the model's
directory. The file ``config.json`` there says which languages it knows.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass
class Word:
    start: float
    end: float
    word: str
    probability: float


@dataclass
class Segment:
    start: float
    end: float
    text: str
    words: list[Word] | None


@dataclass
class TranscriptionInfo:
    language: str


class WhisperModel:
    def __init__(
        self, model_size_or_path: str, device: str, compute_type: str, cpu_threads: int, local_files_only: bool
    ) -> None:
        assert local_files_only and os.environ["HF_HUB_OFFLINE"] == "1"
        if compute_type == "float16":
            raise ValueError("Requested float16 compute type, but the target device does not support it.")
        self._folder = Path(model_size_or_path)
        self._languages = json.loads((self._folder / "config.json").read_text())

    @property
    def supported_languages(self) -> list[str]:
        return list(self._languages)

    def transcribe(
        self,
        audio: np.ndarray,
        language: str | None,
        task: str,
        beam_size: int,
        condition_on_previous_text: bool,
        word_timestamps: bool,
        initial_prompt: str | None,
        hotwords: str | None,
        temperature: float | tuple[float, ...] = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0),
    ) -> tuple[Iterator[Segment], TranscriptionInfo]:
        asked: dict[str, Any] = {name: value for name, value in locals().items() if name not in ("self", "audio")}
        (self._folder / "asked.json").write_text(json.dumps(asked))
        assert audio.dtype == np.float32 and np.abs(audio).max(initial=0.0) <= 1.0
        return self._segments(len(audio) // 16000, word_timestamps), TranscriptionInfo(language or self._languages[0])

    @staticmethod
    def _segments(seconds: int, timed: bool) -> Iterator[Segment]:
        for at in range(seconds):
            text = f" second {at}."
            words = [Word(np.float64(at), np.float64(at + 0.5), " second", np.float64(1.0))]
            yield Segment(float(at), at + 1.0, text, words if timed else None)
