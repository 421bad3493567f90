"""``voice_settings`` and the body of a request (ElevenLabs API reference, "Stream speech"). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SLOWEST, FASTEST = 0.7, 1.2
_NUMBERS = ("stability", "similarity_boost", "style", "speed")
_BEFORE = 1_000
"""Characters of what was said before that are told: more changes nothing in the melody."""


def voice_settings(defaults: Mapping[str, Any], wanted: Mapping[str, Any], speed: float) -> dict[str, Any]:
    """Return the settings that are known and can be; ``speed`` is the caller's, what lies beyond its range is clipped."""
    told = {**defaults, **wanted}
    settings: dict[str, Any] = {name: float(told[name]) for name in _NUMBERS if _number(told.get(name))}
    if isinstance(told.get("use_speaker_boost"), bool):
        settings["use_speaker_boost"] = told["use_speaker_boost"]
    if speed != 1.0:
        settings["speed"] = speed
    if "speed" in settings:
        settings["speed"] = min(max(settings["speed"], SLOWEST), FASTEST)
    return settings


def body(text: str, model: str, *, settings: Mapping[str, Any], language: str, before: str) -> dict[str, Any]:
    """Return the JSON body of ``/stream`` and ``/stream/with-timestamps``; what is empty is left out."""
    fields = {
        "text": text,
        "model_id": model,
        "language_code": language,
        "voice_settings": dict(settings),
        "previous_text": before[-_BEFORE:],
    }
    return {name: value for name, value in fields.items() if value}


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
