"""The multi-context socket: every text is a context of its own on a socket of one voice. Pure.

Source: ElevenLabs API reference, "Multi-Context WebSocket", and the types of the ``elevenlabs`` SDK 2.78
(``InitializeConnectionMulti``, ``SendTextMulti``, ``CloseContext``, ``AudioOutputMulti``, ``FinalOutputMulti``). We write
``context_id``, ElevenLabs ``contextId``. No context needs to be kept alive: each is closed right behind its text, and a sign
of life for a closed one would open it anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from bridges.closes import broken_off
from bridges.codec import Garbled, Message
from bridges.elevenlabs.wire import Alignment
from bridges.tts.elevenlabs.failures import told
from bridges.tts.elevenlabs.words import Words
from bridges.tts.samples import Samples
from bridges.tts.wire import Ask, Heard
from mediaserver.errors import BridgeError
from mediaserver.speech import Sound

SLOTS = 5
"""Contexts of one socket; a sixth would end it (``max_active_conversations``)."""

Times = Annotated[list[float], Meta(max_length=8192)]


class _Characters(Struct, rename="camel"):
    chars: Annotated[list[str], Meta(max_length=8192)] | None = None
    char_start_times_ms: Times | None = None
    char_durations_ms: Times | None = None


class _Told(Struct, rename="camel"):
    audio: bytes | None = None
    is_final: bool | None = None
    context_id: str | None = None
    alignment: _Characters | None = None
    error: str | None = None


_READ = msgspec.json.Decoder(_Told)


class _Context:
    def __init__(self, speech: int) -> None:
        self.speech = speech
        self.cancelled = False
        self.samples, self.words = Samples(), Words()
        self.bytes = 0


class Contexts:
    """Satisfies :class:`bridges.tts.wire.Wire`. A context keeps its place until ElevenLabs says that it is over."""

    slots = SLOTS
    spent = False

    def __init__(self, rate: int) -> None:
        self._bytes_per_ms = rate * 2 / 1000
        self._open: dict[str, _Context] = {}

    @property
    def settling(self) -> bool:
        """Whether a cancelled context may still sound."""
        return any(context.cancelled for context in self._open.values())

    def room(self, now: float) -> int:
        """Return the free places."""
        return SLOTS - len(self._open)

    def begin(self, speech: int, ask: Ask, now: float) -> Sequence[str]:
        """Return the opening with the settings, the whole text, and the close that makes ``isFinal`` come at its end."""
        name = f"text-{speech}"
        self._open[name] = _Context(speech)
        opening: dict[str, Any] = {"text": " ", "context_id": name}
        if ask.settings:
            opening["voice_settings"] = dict(ask.settings)
        return (
            json.dumps(opening),
            json.dumps({"text": ask.text + " ", "context_id": name, "flush": True}),
            _close(name),
        )

    def cancel(self, speech: int) -> Sequence[str]:
        """Return the close of a context whose sound is not wanted any more."""
        for name, context in self._open.items():
            if context.speech == speech:
                context.cancelled = True
                return (_close(name),)
        return ()

    def goodbye(self) -> Sequence[str]:
        """Return the end of the socket."""
        return (json.dumps({"close_socket": True}),)

    def receive(self, message: Message) -> Sequence[Heard]:
        """Return the sound of a context; that of one we do not know is dropped."""
        if isinstance(message, bytes):
            raise Garbled("a binary message of ElevenLabs")
        try:
            news = _READ.decode(message)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            raise Garbled("a message that is none of ElevenLabs' sockets") from None
        if news.error is not None:
            raise told(news.error)
        context = self._open.get(news.context_id or "")
        return () if context is None else tuple(self._heard(context, news))

    def closed(self, code: int) -> BridgeError:
        """Return what a close by ElevenLabs means."""
        return broken_off(code, "the voice")

    # --- inside -------------------------------------------------------------------------------------------------------

    def _heard(self, context: _Context, news: _Told) -> Iterator[Heard]:
        if news.audio and not context.cancelled:
            offset = context.bytes / self._bytes_per_ms
            words = context.words.feed(_aligned(news.alignment), offset)
            pcm = context.samples.feed(news.audio)
            context.bytes += len(pcm)
            yield Heard(context.speech, Sound(pcm, words))
        if news.is_final:
            del self._open[news.context_id or ""]
            if words := context.words.end():
                yield Heard(context.speech, Sound(b"", words))
            yield Heard(context.speech, None)


def _close(name: str) -> str:
    return json.dumps({"context_id": name, "close_context": True})


def _aligned(told: _Characters | None) -> Alignment:
    if told is None or not told.chars or not told.char_start_times_ms or not told.char_durations_ms:
        return Alignment([], [], [])
    return Alignment(told.chars, told.char_start_times_ms, told.char_durations_ms)
