"""Where a voice of Deepgram is, and with which query: Aura at ``/v1/speak``, Flux at ``/v2/speak``. Pure.

Source: Deepgram API reference, "Text to Speech", and the ``deepgram-sdk`` 7.17.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridges.tts.streaming_options import DeepgramSpeech

MAX_CHARACTERS = 2_000
_AURA_SPEED, _FLUX_SPEED = (0.7, 1.5), (0.5, 1.5)
_STEP = 0.05


def is_flux(voice: str) -> bool:
    """Say whether a voice is one of Flux."""
    return voice.startswith("flux-")


def path(voice: str) -> str:
    """Return the path after the host."""
    return "v2/speak" if is_flux(voice) else "v1/speak"


def query(chosen: DeepgramSpeech, voice: str, speed: float, settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the query of sockets and requests; a speed beyond the range is clipped, Flux takes it in steps of 0.05."""
    asked = {"model": voice, "encoding": "linear16", "sample_rate": str(chosen.rate)}
    slowest, fastest = _FLUX_SPEED if is_flux(voice) else _AURA_SPEED
    if speed != 1.0:
        asked["speed"] = f"{round(min(max(speed, slowest), fastest) / _STEP) * _STEP:.2f}"
    expressivity = settings.get("expressivity")
    if is_flux(voice) and type(expressivity) is int and -2 <= expressivity <= 2:
        asked["expressivity"] = str(expressivity)
    return asked | ({"mip_opt_out": "true"} if chosen.mip_opt_out else {})
