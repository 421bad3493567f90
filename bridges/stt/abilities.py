"""What each model of the OpenAI shape can do with a file: a table.

Source: OpenAI API reference, "Create transcription" and "Create translation"; Groq, "Speech to text".
"""

from __future__ import annotations

from dataclasses import dataclass

from mediaserver.speech import FileFeature

_EVERY: frozenset[FileFeature] = frozenset({"language", "temperature"})
_WHISPER: frozenset[FileFeature] = frozenset({*_EVERY, "prompt", "words", "segments"})
_LISTENS: frozenset[FileFeature] = frozenset({*_EVERY, "prompt", "stream"})


@dataclass(frozen=True, slots=True)
class Abilities:
    """One model's: ``max_seconds`` of sound in one request, and the format in which it tells times (``timed``).

    ``blocks``: it wants to be told to cut long sound up.
    """

    features: frozenset[FileFeature]
    max_seconds: float | None = None
    timed: str = "verbose_json"
    blocks: bool = False


MODELS: dict[str, Abilities] = {
    "gpt-transcribe": Abilities(_LISTENS | {"keywords"}, 1400.0),
    "gpt-4o-transcribe-diarize": Abilities(_EVERY | {"stream", "speakers", "segments"}, 1400.0, "diarized_json", True),
    "gpt-4o-transcribe": Abilities(_LISTENS, 1400.0),
    "gpt-4o-mini-transcribe": Abilities(_LISTENS, 1400.0),
    "whisper-1": Abilities(_WHISPER | {"translate"}),
    "whisper-large-v3-turbo": Abilities(_WHISPER),
    "whisper-large-v3": Abilities(_WHISPER | {"translate"}),
}
"""By the beginning of the model's name; the longest one counts."""

UNKNOWN = Abilities(_WHISPER)
"""What servers of one's own do alike: most of them run a Whisper."""


def abilities(model: str) -> Abilities:
    """Return what a model can; of a model that is not known, what most can."""
    known = max((name for name in MODELS if model.startswith(name)), key=len, default=None)
    return UNKNOWN if known is None else MODELS[known]
