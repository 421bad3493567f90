from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mediaserver.audio.logmel import BANDS, log_mel

REFERENCE = json.loads((Path(__file__).parent / "logmel.json").read_text())
"""Some columns of what ``transformers.WhisperFeatureExtractor(chunk_length=8)`` makes of :func:`signal`."""


def signal() -> np.ndarray:
    """Eight seconds: two of silence, then a tone that climbs, and noise from the fourth on."""
    times = np.arange(128000) / 16000
    climbing = 6000 * np.sin(2 * np.pi * (100 * times + 230 * times * times)) * (times > 2)
    rough = np.cumsum(np.arange(128000, dtype=np.int64) * 7919 % 104729) % 2001 - 1000
    return np.rint(climbing + rough * (times > 4)).astype(np.int16)


def test_it_is_whispers_picture() -> None:
    picture = log_mel(signal())
    assert (picture.shape, picture.dtype) == ((BANDS, 800), np.float32)
    for column, values in zip(REFERENCE["columns"], REFERENCE["values"], strict=True):
        assert picture[:, column] == pytest.approx(values, abs=1e-4)


def test_silence_has_a_picture_too() -> None:
    assert np.unique(log_mel(np.zeros(128000, np.int16))).size == 1


def test_the_loudness_of_the_whole_makes_no_difference() -> None:
    assert log_mel(signal() // 4 * 4) == pytest.approx(log_mel(signal() // 4), abs=1e-3)
