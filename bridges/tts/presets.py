"""What is known of servers with ``POST audio/speech``: models, voices, limits. Pure.

Sources: OpenAI API reference, "Create speech"; Groq's text-to-speech guide and, for the limit of Orpheus, its integrations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

OPENAI_VOICES = (
    *("alloy", "ash", "ballad", "cedar", "coral", "echo", "fable"),
    *("marin", "nova", "onyx", "sage", "shimmer", "verse"),
)
OLDER_VOICES = ("alloy", "ash", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer")
"""Those that ``tts-1`` and ``tts-1-hd`` know too."""
ORPHEUS_VOICES = ("autumn", "diana", "hannah", "austin", "daniel", "troy")
SAUDI_VOICES = ("abdullah", "fahad", "sultan", "lulwa", "noura", "aisha")


@dataclass(frozen=True, slots=True)
class Preset:
    """One server. ``voices`` by the beginning of a model's name, ``""`` for all others; ``limit`` in characters.

    ``pcm_rate`` is that of raw sound, ``None`` where WAV is asked for. ``directions``: the manner is written into the text,
    as ``[cheerful]``. ``plain``: models that take no instructions.
    """

    url: str = ""
    model: str = ""
    voices: tuple[tuple[str, tuple[str, ...]], ...] = ()
    limit: int = 4096
    pcm_rate: int | None = 24000
    speeds: tuple[float, float] = (0.25, 4.0)
    directions: bool = False
    plain: tuple[str, ...] = ()
    lists: bool = False
    """``GET audio/voices`` may tell the voices."""
    any_voice: bool = False
    """A voice that is not in the list may exist all the same."""
    own: str = ""
    """How the ids of an account's own voices begin, which are sent as ``{"id": …}``."""

    @property
    def response_format(self) -> Literal["pcm", "wav"]:
        """What to ask for."""
        return "wav" if self.pcm_rate is None else "pcm"

    def voices_of(self, model: str) -> tuple[str, ...]:
        """Return the documented voices of a model, the default first."""
        return next((voices for begins, voices in self.voices if model.startswith(begins)), ())


OPENAI = Preset(
    url="https://api.openai.com/v1",
    model="gpt-4o-mini-tts",
    voices=(("tts-1", OLDER_VOICES), ("", OPENAI_VOICES)),
    plain=("tts-1",),
    own="voice_",
)
AZURE = Preset(voices=(("", OPENAI_VOICES),), plain=("tts",))
GROQ = Preset(
    url="https://api.groq.com/openai/v1",
    model="canopylabs/orpheus-v1-english",
    voices=(("canopylabs/orpheus-arabic", SAUDI_VOICES), ("canopylabs/orpheus", ORPHEUS_VOICES)),
    limit=200,
    pcm_rate=None,
    speeds=(0.5, 5.0),
    directions=True,
)
COMPATIBLE = Preset(model="tts-1", lists=True, any_voice=True)
