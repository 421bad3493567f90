"""How xAI writes a session: voice and turn detection at the top level, its own words for transcription.

Source: xAI voice agent documentation, "session.update", as clients of it write it (Pipecat, LiveKit, the AI SDK).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from bridges.openai.shape import FORMATS, GaShape, Wire, differing, tool
from mediaserver.errors import Unsupported
from mediaserver.settings import Settings, TurnDetection

THRESHOLD = (0.1, 0.9)
SPEED = (0.7, 1.5)
SILENCE_MS = 10_000
KEYTERMS, KEYTERM = 100, 50


@dataclass(frozen=True)
class XaiShape(GaShape):
    """xAI's shape; ``resumable`` asks the provider to keep the conversation for a new connection."""

    resumable: bool = True

    marks: ClassVar[bool] = False
    aliases: ClassVar[Mapping[str, str]] = {
        "response.text.delta": "response.output_text.delta",
        "response.text.done": "response.output_text.done",
    }

    def session(self, settings: Settings) -> Wire:
        """Return the whole session. ``semantic_vad``, which xAI does not have, becomes its ``server_vad``."""
        effort = settings.reasoning_effort
        return {
            "instructions": settings.instructions,
            "tools": [tool(each) for each in settings.tools],
            "turn_detection": _turns(settings.turn_detection),
            "audio": {
                "input": {"format": FORMATS[self.audio_format], "transcription": self._transcription(settings)},
                "output": {"format": FORMATS[self.audio_format], "speed": _within(settings.speed, SPEED)},
            },
            **self._voice(settings),
            **({"resumption": {"enabled": True}} if self.resumable else {}),
            **(
                {} if effort is None else {"reasoning": {"effort": "none" if effort in ("none", "minimal") else "high"}}
            ),
        }

    def changed(self, before: Settings, after: Settings) -> Wire:
        """Return what of the session differs."""
        return differing(self.session(before), self.session(after))

    def response(self, session: Settings, wanted: Settings) -> Wire:
        """Return what one response does differently: xAI takes instructions only. Raises Unsupported."""
        differs = differing(GaShape._response(self, session), GaShape._response(self, wanted))
        if wanted.voice != session.voice or set(differs) - {"instructions"}:
            raise Unsupported("xAI takes instructions for one response, and nothing else")
        return differs

    def out_of_band(self) -> Wire:
        """Raise Unsupported: every response is part of the conversation."""
        raise Unsupported("xAI has no responses outside the conversation")

    def _voice(self, settings: Settings) -> Wire:
        """Name the voice, whose case does not matter; custom ones are named as they are in the options."""
        known = {voice.lower(): voice for voice in self.voices}
        voice = known.get(settings.voice.lower())
        return {"voice": voice} if voice else {}

    def _transcription(self, settings: Settings) -> Wire | None:
        wanted = settings.transcription
        if wanted is None:
            return None
        hint = wanted.language or next(iter(wanted.languages), None)
        terms = [term[:KEYTERM] for term in wanted.keywords[:KEYTERMS]]
        told: Wire = {"model": self.transcriber, "language_hint": hint, "keyterms": terms}
        return {name: value for name, value in told.items() if value}


def _turns(turns: TurnDetection | None) -> Wire | None:
    if turns is None:
        return None
    idle = {"idle_timeout_ms": turns.idle_timeout_ms} if turns.idle_timeout_ms is not None else {}
    return {
        "type": "server_vad",
        "threshold": _within(turns.threshold, THRESHOLD),
        "silence_duration_ms": min(turns.silence_duration_ms, SILENCE_MS),
        "prefix_padding_ms": turns.prefix_padding_ms,
        "create_response": turns.create_response,
        **idle,
    }


def _within(value: float, bounds: tuple[float, float]) -> float:
    return max(bounds[0], min(bounds[1], value))
