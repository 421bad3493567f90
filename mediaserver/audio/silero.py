"""The Silero detector: a small network that tells voices from music, clatter and babble that webrtcvad lets through.

webrtcvad stands in front as a gate: the network runs only on what that takes for a voice. It judges windows of 32 ms
with 4 ms of context and a state from window to window (https://github.com/snakers4/silero-vad, versions 5 and 6).
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from mediaserver.audio.onnxfile import load
from mediaserver.audio.resample import Resampler
from mediaserver.audio.vad import VoiceDetector, WebRtcVoice
from mediaserver.clock import FRAME_MS
from mediaserver.errors import ConfigError

RATE = 16000
WINDOW = 512
CONTEXT = 64

Samples = npt.NDArray[np.float32]

_LENIENT = 0.25
_FULL_SCALE = 32768.0


class Network(Protocol):
    """What judges one window."""

    def __call__(self, samples: Samples, state: Samples) -> tuple[float, Samples]:
        """Return the probability 0..1 of a voice and the next state; ``samples`` are ``CONTEXT + WINDOW`` in -1..1."""
        ...


class SileroNetwork:
    """The ONNX model, loaded once for all calls of a process; one thread, no state of its own. Raises ConfigError."""

    def __init__(self, path: Path) -> None:
        self._session = load(path, "turns.silero_model", wanted_by="turns.detector", extra="silero")
        if {one.name for one in self._session.get_inputs()} != {"input", "state", "sr"}:
            raise ConfigError("turns.silero_model", f"{path} is no Silero model of version 5 or 6")
        self._rate = np.array(RATE, np.int64)

    def __call__(self, samples: Samples, state: Samples) -> tuple[float, Samples]:
        """Judge one window."""
        voice, state = self._session.run(None, {"input": samples[None, :], "state": state, "sr": self._rate})
        return float(voice[0, 0]), state


class SileroVoice:
    """One call's detector: 15 µs a frame while nobody speaks, 0.2 ms while somebody does.

    ``threshold`` 0..1 is the network's probability from which on it is a voice; a voice lasts until ``HYSTERESIS`` below.
    A quiet of ``FORGET_MS`` at the gate empties the network's state.
    """

    HYSTERESIS = 0.15
    FORGET_MS = 400

    def __init__(
        self, network: Network, rate: int, threshold: float = 0.5, *, gate: VoiceDetector | None = None
    ) -> None:
        self._network = network
        self._gate = gate or WebRtcVoice(rate, _LENIENT)
        self._resampler = Resampler(rate, RATE)
        self._threshold = threshold
        self._waiting = np.zeros(0, np.float32)  # sound that no window has judged, with the context in front of it
        self._quiet_ms = 0
        self._state, self._last = _fresh(), False

    def voiced(self, frame: bytes) -> bool:
        """Say whether there is a voice in this frame; between two windows the last one's word holds."""
        samples = np.frombuffer(self._resampler.feed(frame), "<i2").astype(np.float32) / _FULL_SCALE
        self._waiting = np.concatenate((self._waiting, samples))
        if not self._gate.voiced(frame):
            return self._closed()
        self._quiet_ms = 0
        while self._waiting.size >= CONTEXT + WINDOW:
            self._judge()
        return self._last

    def _judge(self) -> None:
        probability, self._state = self._network(self._waiting[: CONTEXT + WINDOW], self._state)
        self._waiting = self._waiting[WINDOW:]
        self._last = probability >= self._threshold - (self.HYSTERESIS if self._last else 0.0)

    def _closed(self) -> bool:
        """Keep the sound just before the gate opens: the first window is ready with the first frame of a voice."""
        self._waiting = self._waiting[-(CONTEXT + WINDOW - RATE * FRAME_MS // 1000) :]
        self._quiet_ms += FRAME_MS
        if self._quiet_ms == self.FORGET_MS:
            self._state, self._last = _fresh(), False
        return False


def _fresh() -> Samples:
    return np.zeros((2, 1, 128), np.float32)


def find_model(path: str) -> Path:
    """Return the file to load: the configured one, else that of the package ``silero-vad``. Raises ConfigError.

    The package is looked at, not imported: importing it would load PyTorch.
    """
    if path:
        return Path(path)
    package = find_spec("silero_vad")
    for folder in (package.submodule_search_locations or []) if package is not None else []:
        model = Path(folder) / "data" / "silero_vad.onnx"
        if model.exists():
            return model
    raise ConfigError("turns.silero_model", "names no file, and there is none: pip install --no-deps silero-vad")
