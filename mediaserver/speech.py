"""The three engines of the hybrid chain as Protocols: hear, think, speak. Local engines and providers alike satisfy them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from mediaserver.events import WordTime
from mediaserver.items import Usage
from mediaserver.settings import Tool


@dataclass(frozen=True, slots=True)
class Partial:
    """A hypothesis that replaces the one before; its first ``stable`` characters are not expected to change."""

    text: str
    stable: int = 0


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


class LanguageModel(Protocol):
    """Writes the answer."""

    def reply(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[Tool] = (),
        tool_choice: str = "auto",
        max_tokens: int | None = None,
        temperature: float | None = None,
    ) -> AsyncIterator[str | ToolRequest | Usage]:
        """Yield text as it is written, tool requests, and the usage last. Closing the iterator stops the upstream request.

        Raises BridgeError.
        """
        ...


@dataclass(frozen=True, slots=True)
class Sound:
    """A piece of speech: PCM16 mono at the engine's rate, with word times (ms from the start of this text) where known."""

    pcm: bytes
    words: tuple[WordTime, ...] = ()


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

    def speak(self, text: str, *, voice: str = "", speed: float = 1.0) -> AsyncIterator[Sound]:
        """Yield the sound of ``text`` as it is made. Closing the iterator stops the engine. Raises BridgeError."""
        ...
