"""The shape of Azure's preview endpoint: OpenAI's beta protocol, flat sessions and older names.

Source: Azure OpenAI realtime reference, ``api-version=2025-04-01-preview``; Microsoft's migration guide from preview to GA.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from bridges.openai.shape import AudioFormat, GaShape, Wire, choice, differing, tool, turn_detection
from mediaserver.settings import Settings

FORMATS: dict[AudioFormat, str] = {"pcm": "pcm16", "pcmu": "g711_ulaw", "pcma": "g711_alaw"}
NAMES = {
    "response.text.delta": "response.output_text.delta",
    "response.text.done": "response.output_text.done",
    "response.audio.delta": "response.output_audio.delta",
    "response.audio.done": "response.output_audio.done",
    "response.audio_transcript.delta": "response.output_audio_transcript.delta",
    "response.audio_transcript.done": "response.output_audio_transcript.done",
}
"""The preview's names of server events, and GA's."""


class PreviewShape(GaShape):
    """Flat: everything that GA keeps under ``audio`` stands beside the instructions."""

    assistant_text: ClassVar[str] = "text"
    aliases: ClassVar[Mapping[str, str]] = NAMES

    def session(self, settings: Settings) -> Wire:
        """Return the whole session."""
        noise = settings.noise_reduction
        return {
            **self._response(settings),
            "input_audio_format": FORMATS[self.audio_format],
            "output_audio_format": FORMATS[self.audio_format],
            "input_audio_noise_reduction": {"type": noise} if noise else None,
            "input_audio_transcription": self._transcription(settings),
            "turn_detection": turn_detection(settings.turn_detection),
        }

    def changed(self, before: Settings, after: Settings) -> Wire:
        """Return what of the session differs."""
        return differing(self.session(before), self.session(after))

    def response(self, session: Settings, wanted: Settings) -> Wire:
        """Return what one response does differently from its session."""
        return differing(self._response(session), self._response(wanted))

    def _response(self, settings: Settings) -> Wire:
        return {
            "instructions": settings.instructions,
            "modalities": ["text", "audio"] if "audio" in settings.output_modalities else ["text"],
            "tools": [tool(each) for each in settings.tools],
            "tool_choice": choice(settings.tool_choice),
            "max_response_output_tokens": settings.max_output_tokens or "inf",
            **({} if settings.temperature is None else {"temperature": settings.temperature}),
            **self._voice(settings),
        }

    def _transcription(self, settings: Settings) -> Wire | None:
        told = super()._transcription(settings)
        return told and {name: value for name, value in told.items() if name in ("model", "language", "prompt")}
