"""The multipart form of a file that is to be written down, in the OpenAI shape. Pure.

Source: OpenAI API reference, "Create transcription", "Create translation"; field names as the official SDK writes them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bridges.stt.abilities import Abilities
from bridges.stt.languages import code
from mediaserver.speech import FileAsk, SoundFile

TYPES = {
    "wav": "audio/wav",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "webm": "audio/webm",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
}


@dataclass(frozen=True, slots=True)
class Form:
    """Where it goes (``path`` below the version), its fields and its file; ``events``: the answer is a stream of them."""

    path: str
    fields: dict[str, Any]
    files: list[tuple[str, Any]] = field(repr=False)
    events: bool = False


def form(sound: SoundFile, ask: FileAsk, model: str, can: Abilities) -> Form:
    """Return the request for what the model can, see :func:`bridges.stt.asked.check`."""
    # A file without a name that says its kind is refused.
    files = [("file", (f"speech.{sound.kind}", sound.data, TYPES[sound.kind]))]
    timed = ask.words or ask.segments or ask.speakers
    fields: dict[str, Any] = {"model": model, "response_format": can.timed if timed else "json"}
    if ask.temperature is not None:
        fields["temperature"] = str(ask.temperature)
    if ask.prompt:
        fields["prompt"] = ask.prompt
    if ask.translate:
        return Form("audio/translations", fields, files)
    return Form("audio/transcriptions", fields | _more(ask, can), files, "stream" in can.features)


def _more(ask: FileAsk, can: Abilities) -> dict[str, Any]:
    """What only transcriptions have."""
    told = code(ask.language)
    times = [name for name, wanted in (("word", ask.words), ("segment", ask.segments)) if wanted]
    return {
        **({"language": told} if told else {}),
        **({"keywords[]": list(ask.keywords)} if ask.keywords else {}),
        **({"timestamp_granularities[]": times} if times and can.timed == "verbose_json" else {}),
        **({"stream": "true"} if "stream" in can.features else {}),
        **({"chunking_strategy": "auto"} if can.blocks else {}),
    }
