"""The part of the configuration that opens the audio API (``/v1/audio``); ``mediaserver/config.py`` holds the rest."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from mediaserver.errors import ConfigError
from mediaserver.section import Name, Seconds, Section

Slots = Annotated[int, Meta(ge=1, le=10_000)]


class Batch(Section, frozen=True):
    """Many files or texts in one request, worked off in the background."""

    folder: str = ""
    """Where batches and their results are kept, so that they go on after a restart; empty: there are no batches."""
    max_items: Annotated[int, Meta(ge=1, le=100_000)] = 1000
    """Items of one batch."""
    max_bytes: Annotated[int, Meta(ge=1024, le=1 << 40)] = 1 << 30
    """Bytes of all files of one batch."""
    max_batches: Annotated[int, Meta(ge=1, le=10_000)] = 20
    """Batches of one key that are kept, running or not; one more is answered 503."""
    concurrency: Annotated[int, Meta(ge=1, le=1000)] = 2
    """Items of all batches that are worked at, at the same time; in each worker."""
    keep_s: Seconds = 86_400.0
    """So long after it was made a batch is over, done or not, and deleted with its results."""


def _local() -> dict[str, dict[str, Any]]:
    return {"local": {"engine": "local"}}


class Audio(Section, frozen=True):
    """The audio API: files to text, texts to speech."""

    transcription: Annotated[dict[Name, dict[str, Any]], Meta(min_length=1)] = field(default_factory=_local)
    """Models that write down files: ``engine`` and its options. Each is opened when it is first asked for."""
    speech: Annotated[dict[Name, dict[str, Any]], Meta(min_length=1)] = field(default_factory=_local)
    """Models that speak: ``engine`` and its options; ``voice`` is used for who names none, else the engine's first."""
    default_transcription: str = ""
    """The model of a file that names none; empty: the first of ``transcription``."""
    default_speech: str = ""
    """The model of a text that names none; empty: the first of ``speech``."""
    aliases: dict[Name, Name] = field(default_factory=dict)
    """Other names for these models, e.g. ``{whisper-1: local, tts-1: local}`` for clients that cannot be told another."""
    voice_aliases: dict[Name, Name] = field(default_factory=dict)
    """Other names for voices, e.g. ``{alloy: en-US}``; an engine's own name for a voice goes first."""
    max_upload: Annotated[int, Meta(ge=1024, le=1 << 34)] = 200 << 20
    """Largest file in bytes. It is written to a temporary file while it comes."""
    max_duration_s: Seconds = 14_400.0
    """Longest file in seconds."""
    upload_s: Seconds = 600.0
    """All of a file has come after so long."""
    max_characters: Annotated[int, Meta(ge=1, le=1_000_000)] = 4096
    """Longest text that is spoken."""
    answer_s: Seconds = 600.0
    """An answer that is not complete after so long is given up."""
    max_transcriptions: Slots = 8
    """Files at once in each worker; one more is answered 503 with Retry-After."""
    max_speech: Slots = 200
    """Texts at once in each worker."""
    pieces: Annotated[int, Meta(ge=1, le=64)] = 4
    """Pieces of one long file that its engine is given at the same time."""
    preset: Literal["latency", "balanced", "quality"] = "balanced"
    """Quick or good: bit rates of what is spoken, and how long the pieces of a long file are, see docs/audio-files.md."""
    denoise: bool = False
    """Take noise out of files before they are written down; needs ``pip install 'mediaserver[denoise]'``."""
    loudness: Annotated[float, Meta(ge=-70, le=-5)] | None = None
    """Bring files to this loudness in LUFS (ITU-R BS.1770) before they are written down; ``null``: as they are."""
    batch: Batch = Batch()
    """Many files or texts in one request."""

    def __repr__(self) -> str:
        """Show no options: they may hold keys."""
        return f"Audio(transcription={list(self.transcription)}, speech={list(self.speech)})"

    @property
    def models(self) -> frozenset[str]:
        """Every name that is a model of its own."""
        return frozenset(self.transcription) | frozenset(self.speech)


def check_audio(audio: Audio) -> None:
    """Refuse names that lead nowhere. Raises ConfigError."""
    for key, chosen, there in (
        ("default_transcription", audio.default_transcription, audio.transcription),
        ("default_speech", audio.default_speech, audio.speech),
    ):
        if chosen and chosen not in there:
            raise ConfigError(f"audio.{key}", f"is not one of audio.{key.removeprefix('default_')}")
    for alias, model in audio.aliases.items():
        if model not in audio.models:
            raise ConfigError(f"audio.aliases.{alias}", "names what is neither in audio.transcription nor audio.speech")
    for name, options in audio.speech.items():
        if not isinstance(options.get("voice", ""), str):
            raise ConfigError(f"audio.speech.{name}.voice", "is not a text")
