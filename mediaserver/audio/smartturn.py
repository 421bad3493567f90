"""Smart Turn: a network that hears the end of a turn, or that more will follow, in the sound of the last eight seconds.

Versions 3 to 3.2 take Whisper's picture of it (https://github.com/pipecat-ai/smart-turn); the operator supplies the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mediaserver.audio.logmel import BANDS, HOP, RATE, log_mel
from mediaserver.audio.onnxfile import load
from mediaserver.config import Turns
from mediaserver.errors import ConfigError

LOOK_MS = 8000
"""How much of the caller's sound it looks at."""

_KEY = "turns.end_model"
_INPUT = "input_features"
_SAMPLES = RATE * LOOK_MS // 1000


class SmartTurn:
    """The ONNX model, loaded once for all calls of a process; it has no state. Raises ConfigError.

    A look costs about 90 ms of a core, 3 ms of them for the picture: ask it through :class:`mediaserver.audio.judge.Judge`.
    """

    def __init__(self, path: Path) -> None:
        self._session = load(path, _KEY, wanted_by=_KEY, extra="smart-turn")
        takes, gives = self._session.get_inputs(), self._session.get_outputs()
        named = [one.name for one in takes] == [_INPUT] and len(gives) == 1
        if not (named and _fits(takes[0], BANDS, _SAMPLES // HOP) and _fits(gives[0], 1)):
            raise ConfigError(_KEY, f"{path} is no Smart Turn model of version 3")

    def __call__(self, pcm: bytes) -> float:
        """Return the probability 0..1 that the turn is over; ``pcm`` is PCM16 mono at 16 kHz that ends with the pause."""
        heard = np.frombuffer(pcm, "<i2")[-_SAMPLES:]
        samples = np.zeros(_SAMPLES, np.int16)
        samples[_SAMPLES - heard.size :] = heard
        return float(self._session.run(None, {_INPUT: log_mel(samples)[None]})[0][0, 0])


def _fits(one: Any, *sizes: int) -> bool:
    """Say whether an input or output has a batch of these; a size that a file leaves open is a name."""
    alike = len(one.shape) == 1 + len(sizes) and all(
        has == size or isinstance(has, str) for has, size in zip(one.shape[1:], sizes, strict=True)
    )
    return alike and one.type == "tensor(float)"


def find_end_model(turns: Turns) -> SmartTurn | None:
    """Return the configured model, or ``None`` when there is none. Raises ConfigError."""
    return SmartTurn(Path(turns.end_model)) if turns.end_model else None
