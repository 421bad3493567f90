"""Deepgram's sockets that speak, Aura's and Flux': one text at a time, sound in binary messages. Pure.

Source: Deepgram docs, "Streaming Text to Speech" (Speak, Flush, Clear) and "Flux TTS" (client messages, server messages, the
speech lifecycle), and the types of ``deepgram-sdk`` 7.17. Aura says ``Flushed`` when all sound of a flush was sent, Flux
``SpeechMetadata`` when all sound of a turn was.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import Struct

from bridges.closes import broken_off
from bridges.codec import Message
from bridges.tagged import Tagged
from bridges.tts.deepgram.failures import told
from bridges.tts.samples import Samples
from bridges.tts.wire import Ask, Heard
from mediaserver.errors import BridgeError
from mediaserver.speech import Sound

WINDOW_S = 60.0


@dataclass(frozen=True, slots=True)
class Dialect:
    """``stop`` is what cancels and ``stopped`` its answer, ``done`` the end of a text.

    ``flushes``: so many within ``WINDOW_S`` on one socket, ``None`` for no limit. ``echoes``: a cancelled text may still be
    told to be done after its cancelling was answered. ``deaf``: warnings that say that nothing was cancelled.
    """

    stop: str
    stopped: str
    done: str
    flushes: int | None = None
    echoes: bool = False
    deaf: frozenset[str] = frozenset()


AURA = Dialect("Clear", "Cleared", "Flushed", flushes=20, echoes=True)
FLUX = Dialect(
    "Interrupt",
    "SpeechInterrupted",
    "SpeechMetadata",
    deaf=frozenset({"NO_AUDIO_GENERATED", "INTERRUPT_IN_PROGRESS", "INVALID_INTERRUPT_OFFSET"}),
)
_NOTHING_TO_STOP = "NO_ACTIVE_SPEECH"


class _Plain(Struct):
    """A message whose type says everything that is used."""


class _Coded(Struct):
    """``Warning`` and ``Error``."""

    code: str | None = None


_PLAIN = (
    "Cleared",
    "Flushed",
    "SpeechInterrupted",
    "SpeechMetadata",
    "Metadata",
    "Connected",
    "SpeechStarted",
    "SessionMetadata",
)
_READ = Tagged(
    dict.fromkeys(_PLAIN, _Plain) | {"Warning": _Coded, "Error": _Coded}, "a message that is none of Deepgram's voices"
)


class Turns:
    """Satisfies :class:`bridges.tts.wire.Wire`."""

    slots = 1

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._speech: int | None = None
        self._samples = Samples()
        self._sounded = False
        self._echo = False
        self._flushed: deque[float] = deque(maxlen=dialect.flushes or 1)
        self.settling = False
        self.spent = False

    def room(self, now: float) -> int:
        """Return 1 when nothing is said or being stopped, and a flush is left in this minute."""
        free = self._speech is None and not self.settling and not self.spent
        return int(free and not self._used_up(now))

    def begin(self, speech: int, ask: Ask, now: float) -> Sequence[str]:
        """Return the text and its flush."""
        self._speech, self._samples, self._sounded = speech, Samples(), False
        self._flushed.append(now)
        return json.dumps({"type": "Speak", "text": ask.text}), json.dumps({"type": "Flush"})

    def cancel(self, speech: int) -> Sequence[str]:
        """Return what stops the text; its sound is ignored from here on."""
        if speech != self._speech:
            return ()
        self._speech, self.settling, self._echo = None, True, self._dialect.echoes
        return (json.dumps({"type": self._dialect.stop}),)

    def goodbye(self) -> Sequence[str]:
        """Return the end of the socket."""
        return (json.dumps({"type": "Close"}),)

    def receive(self, message: Message) -> Sequence[Heard]:
        """Return the sound of the text that is said."""
        if isinstance(message, bytes):
            return self._sound(message)
        name, news = _READ.read(message)
        if name == "Error":
            raise told(news.code)
        if name == "Warning":
            self._warned(news.code)
        elif name == self._dialect.stopped:
            self.settling = False
        elif name == self._dialect.done:
            return self._done()
        return ()

    def closed(self, code: int) -> BridgeError:
        """Return what a close by Deepgram means."""
        return broken_off(code, "the voice")

    # --- inside -------------------------------------------------------------------------------------------------------

    def _used_up(self, now: float) -> bool:
        limit = self._dialect.flushes
        return limit is not None and len(self._flushed) == limit and now - self._flushed[0] < WINDOW_S

    def _sound(self, data: bytes) -> Sequence[Heard]:
        if self._speech is None:
            return ()
        self._sounded = True
        return (Heard(self._speech, Sound(self._samples.feed(data))),)

    def _done(self) -> Sequence[Heard]:
        echo, self._echo = self._echo, False
        if self._speech is None or (echo and not self._sounded):
            return ()
        speech, self._speech = self._speech, None
        return (Heard(speech, None),)

    def _warned(self, code: str | None) -> None:
        if not self.settling:
            return
        if code == _NOTHING_TO_STOP:
            self.settling = False
        elif code in self._dialect.deaf:
            self.spent = True
