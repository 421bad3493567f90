"""Which voice detectors there are, by the names that the configuration uses."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from mediaserver.audio.silero import SileroNetwork, SileroVoice, find_model
from mediaserver.audio.vad import LevelVoice, MakeVoice, WebRtcVoice
from mediaserver.config import Turns


def detector(turns: Turns) -> MakeVoice:
    """Return what makes a call's detector; what all calls share is loaded here. Raises ConfigError."""
    return _DETECTORS[turns.detector](turns)


def _silero(turns: Turns) -> MakeVoice:
    return partial(SileroVoice, SileroNetwork(find_model(turns.silero_model)))


_DETECTORS: dict[str, Callable[[Turns], MakeVoice]] = {
    "webrtc": lambda _turns: WebRtcVoice,
    "levels": lambda _turns: LevelVoice,
    "silero": _silero,
}
