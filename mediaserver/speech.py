"""The engines as Protocols: hear, think, speak. Local engines and providers alike satisfy them.

The hybrid chain uses them live; the audio API (``/v1/audio``) uses the same engines for files and texts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from mediaserver.events import WordTime
from mediaserver.items import Usage
from mediaserver.settings import Tool


@dataclass(frozen=True, slots=True)
class Partial:
    """A hypothesis that replaces the one before; its first ``stable`` characters are not expected to change.

    ``ended``: the engine thinks that the caller's turn is over with it; a later one without takes that back.
    """

    text: str
    stable: int = 0
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said (empty: no words), with what it used."""

    text: str
    usage: Usage | None = None
    language: str | None = None


class Utterance(Protocol):
    """One turn of speech on its way to text."""

    def feed(self, pcm: bytes) -> None:
        """Take PCM16 mono at the engine's rate. A plain call: bounded, never blocks, drops nothing up to the bound."""
        ...

    async def finish(self) -> Transcript:
        """The speech is complete: return its text. Raises BridgeError."""
        ...


@runtime_checkable
class Warm(Protocol):
    """An engine that takes time to get ready."""

    async def warm(self) -> None:
        """Return when it can be used without delay. Raises BridgeError when it cannot be had."""
        ...


@runtime_checkable
class Pausing(Protocol):
    """An :class:`Utterance` that makes use of knowing that the caller is quiet, to be done sooner if that was the end."""

    def paused(self) -> None:
        """The caller is quiet; what is fed from now on is silence. A plain call."""
        ...

    def resumed(self) -> None:
        """The caller goes on. A plain call."""
        ...


class SpeechToText(Protocol):
    """Writes down speech."""

    @property
    def rate(self) -> int:
        """Hz of the PCM16 mono it wants."""
        ...

    def utterance(
        self, on_partial: Callable[[Partial], None], *, language: str | None = None, prompt: str = ""
    ) -> AbstractAsyncContextManager[Utterance]:
        """Open one utterance; leaving the context without ``finish`` frees the engine at once."""
        ...


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word and when it was said, in seconds from the start of the file; ``confidence`` 0..1 where the engine says it."""

    text: str
    start: float
    end: float
    speaker: str | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class SpokenSegment:
    """A sentence or so and when it was said, in seconds from the start of the file."""

    text: str
    start: float
    end: float
    speaker: str | None = None


@dataclass(frozen=True, slots=True)
class FileTranscript:
    """What is said in a file. ``language`` is ISO 639-1, ``duration`` in seconds; times only where they were asked for."""

    text: str
    language: str | None = None
    duration: float | None = None
    words: tuple[SpokenWord, ...] = ()
    segments: tuple[SpokenSegment, ...] = ()
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class SoundFile:
    """A file of speech as an engine is given it: whole, checked and within its :class:`FileLimits`.

    ``kind`` is one of wav, flac, ogg, webm, mp3, m4a; ``duration`` in seconds.
    """

    data: bytes
    kind: str
    duration: float


@dataclass(frozen=True, slots=True)
class FileLimits:
    """What an engine takes in one request; what is longer is split at silences before it comes."""

    max_bytes: int = 25 * 1024 * 1024
    max_seconds: float | None = None
    kinds: tuple[str, ...] = ("wav", "flac", "ogg", "webm", "mp3", "m4a")


FileFeature = Literal[
    "translate", "words", "segments", "speakers", "stream", "prompt", "temperature", "language", "keywords"
]
"""What an engine can do with a file; what it lacks is refused with a clear error, never silently ignored."""


@dataclass(frozen=True, slots=True)
class FileAsk:
    """What is wanted of a file. ``translate``: into English; ``words``, ``segments``, ``speakers``: with these."""

    language: str | None = None
    prompt: str = ""
    temperature: float | None = None
    keywords: tuple[str, ...] = ()
    translate: bool = False
    words: bool = False
    segments: bool = False
    speakers: bool = False


class FileToText(Protocol):
    """Writes down files of speech."""

    @property
    def file_limits(self) -> FileLimits:
        """What one request may hold."""
        ...

    @property
    def file_features(self) -> frozenset[FileFeature]:
        """What may be asked for."""
        ...

    def transcribe(self, sound: SoundFile, ask: FileAsk) -> AsyncIterator[str | FileTranscript]:
        """Yield text as it is written, where the engine streams it, and the whole transcript last.

        Closing the iterator stops the upstream request. Raises BridgeError.
        """
        ...


class Transcriber(SpeechToText, FileToText, Protocol):
    """An engine of the STT table: live speech and files."""


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """The model asks for a function; ``arguments`` is a JSON string."""

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One line of the conversation as a language model reads it."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str = ""
    calls: tuple[ToolRequest, ...] = ()
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for one answer. ``tool_choice`` is auto, none, required, or the name of the one function to call."""

    tools: Sequence[Tool] = ()
    tool_choice: str = "auto"
    max_tokens: int | None = None
    temperature: float | None = None


FREE = Terms()

Piece = str | ToolRequest | Usage
"""Of an answer: text, or a function that is asked for; what was used comes last."""


class LanguageModel(Protocol):
    """Writes the answer."""

    def reply(self, messages: Sequence[Message], terms: Terms = FREE) -> AsyncIterator[Piece]:
        """Yield text as it is written, tool requests, and the usage last. Closing the iterator stops the upstream request.

        Raises BridgeError.
        """
        ...


@dataclass(frozen=True, slots=True)
class Sound:
    """A piece of speech: PCM16 mono at the engine's rate, with word times (ms from the start of this text) where known.

    ``stand_in``: another engine than the one that was chosen spoke it, so it is good for now and not to be kept.
    """

    pcm: bytes
    words: tuple[WordTime, ...] = ()
    stand_in: bool = False


@dataclass(frozen=True, slots=True)
class Manner:
    """How a text is spoken. ``instructions`` in words; ``before`` was spoken right before it and sets the melody.

    ``settings`` are the provider's own by their documented names (``stability``, ``style``, ``pitch``, ``expressivity``);
    an engine takes those it knows.
    """

    instructions: str = ""
    language: str = ""
    before: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


PLAIN = Manner()


class TextToSpeech(Protocol):
    """Speaks."""

    @property
    def rate(self) -> int:
        """Hz of the PCM16 mono it makes: one of 8000, 16000, 24000, 48000."""
        ...

    @property
    def voices(self) -> tuple[str, ...]:
        """Names it knows; the first is the default, and an unknown name means the default."""
        ...

    def speak(self, text: str, *, voice: str = "", speed: float = 1.0, manner: Manner = PLAIN) -> AsyncIterator[Sound]:
        """Yield the sound of ``text`` as it is made. Closing the iterator stops the engine. Raises BridgeError.

        What of ``manner`` an engine does not know changes nothing.
        """
        ...


@dataclass(frozen=True, slots=True)
class VoiceFacts:
    """A voice as lists of voices tell it. ``languages`` are BCP 47; ``preview`` is a sample's address at the provider."""

    id: str
    name: str = ""
    languages: tuple[str, ...] = ()
    gender: str | None = None
    description: str = ""
    preview: str | None = None


class VoiceList(Protocol):
    """An engine that can say which voices an account has."""

    async def list_voices(self) -> Sequence[VoiceFacts]:
        """Ask the provider, where it can tell; else return what its documentation names. Raises BridgeError."""
        ...


class VoiceCloning(Protocol):
    """An engine that can make a voice from recordings of one."""

    async def clone_voice(self, name: str, samples: Sequence[SoundFile], *, description: str = "") -> VoiceFacts:
        """Make the voice; whoever calls this answers for the speaker's consent. Raises BridgeError."""
        ...

    async def delete_voice(self, voice: str) -> None:
        """Forget a voice that was made. Raises BridgeError."""
        ...
