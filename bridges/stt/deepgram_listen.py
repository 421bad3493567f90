"""Deepgram's ``/v1/listen`` for live speech. Pure.

What is final is joined; an interim result replaces the one before it. ``Finalize`` flushes what was heard, and its result
says ``from_finalize``; Deepgram does not promise one where little was left to flush. Source: Deepgram API reference, "Live
audio", and docs, "Finalize", "Audio Keep Alive"; types of ``deepgram-sdk``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct

from bridges.codec import Garbled, Message
from bridges.stt.steps import Steps
from bridges.stt.written import Written
from bridges.tagged import Tagged
from mediaserver.errors import BridgeError
from mediaserver.speech import Partial, Transcript

FINALIZE = '{"type":"Finalize"}'
KEEP_ALIVE = '{"type":"KeepAlive"}'
STEP_MS = 20
LITTLE_S = 0.3
"""Sound that Deepgram may have nothing to say about."""
SOON_S, LATE_S = 0.3, 1.5
"""Silence of a living provider after which nothing more comes: where little was left to hear; where there is a text."""
MAX_UNKNOWN = 64
_NO_CODE = "a text message that is none of the recogniser's"


class Alternative(Struct):
    """One reading; ``languages`` only where several are listened for."""

    transcript: str = ""
    languages: list[str] | None = None


class Channel(Struct):
    """Readings, the best one first."""

    alternatives: Annotated[list[Alternative], Meta(max_length=100)] = []


class Results(Struct):
    """``Results``: ``start`` and ``duration`` in seconds of the sound of this socket."""

    channel: Channel
    start: float
    duration: float
    is_final: bool | None = None
    speech_final: bool | None = None
    from_finalize: bool | None = None


class Plain(Struct):
    """A message of which nothing is used."""


READ = Tagged(
    {
        "Results": Results,
        "Metadata": Plain,
        "SpeechStarted": Plain,
        "UtteranceEnd": Plain,
        "Error": Plain,
    },
    _NO_CODE,
)


class ListenCodec:
    """Satisfies :class:`bridges.stt.line.TurnCodec`; sound is PCM16 mono at ``rate`` Hz.

    ``ends``: Deepgram was told how long a silence ends speech, so that its word for that (``speech_final``) means something.
    """

    idle_s = 4.0
    ready = True  # it takes sound at once and says nothing before

    def __init__(self, rate: int, language: str | None = None, *, ends: bool = False) -> None:
        self._steps = Steps(rate, STEP_MS)
        self._asked = language
        self._ends = ends
        self._language = language
        self._written = Written()
        self._began = self._covered_to = 0.0
        self._finishing = self.complete = False
        self._paused: Literal["no", "asked", "flushed"] = "no"
        self._flushed = True
        self.unknown: Counter[str] = Counter()

    @property
    def clean(self) -> bool:
        """Whether Deepgram has nothing of a turn left."""
        return self._flushed

    def begin(self, prompt: str) -> None:
        """There is no word for what was said before."""
        self._written = Written()
        self._language = self._asked
        self._began = self._covered_to = self._steps.sent_s
        self._finishing = self.complete = False
        self._paused = "no"

    def hear(self, pcm: bytes) -> Iterable[Message]:
        """Sound in binary frames."""
        self._flushed = False
        return self._steps.feed(pcm)

    def pause(self) -> Sequence[Message]:
        """Flush now, which costs nothing: what follows is silence, or more of the turn."""
        self._paused = "asked"
        return self._flush()

    def resume(self) -> None:
        """What was flushed was not all."""
        self._paused = "no"

    def finish(self) -> Sequence[Message]:
        """Flush, unless all that was said has been flushed already."""
        self._finishing = True
        self.complete = self._flushed = self._paused == "flushed"
        return self._flush() if self._paused == "no" else ()

    def _flush(self) -> Sequence[Message]:
        rest = self._steps.rest()
        return (rest, FINALIZE) if rest else (FINALIZE,)

    def settle(self, quiet_s: float) -> None:
        """Where nothing was left to flush there is no answer to ``Finalize``; what may still come spoils the socket."""
        little = self._steps.sent_s - self._covered_to <= LITTLE_S
        if (little and quiet_s >= SOON_S) or (self._written.text and quiet_s >= LATE_S):
            self.complete = True
            self._flushed = little

    def transcript(self) -> Transcript:
        """Return the text so far."""
        return Transcript(self._written.text, language=self._language)

    def receive(self, message: Message) -> Partial | None:
        """Raises Garbled, BridgeError."""
        if isinstance(message, bytes):
            raise Garbled(_NO_CODE)
        name, read = READ.read(message)
        if isinstance(read, Results):
            return self._results(read)
        if name == "Error":
            raise BridgeError("the recogniser failed", code="provider_error")
        if read is None:
            self.unknown[name if len(self.unknown) < MAX_UNKNOWN else "other"] += 1
        return None

    def idle(self) -> Sequence[Message]:
        """``KeepAlive`` counts once there was some sound."""
        return (KEEP_ALIVE,) if self._steps.sent_s else (self._steps.silence(0.1),)

    def closed(self, code: int, reason: str) -> BridgeError | None:
        """``NET-0001``: nothing was sent for ten seconds; ``DATA-0000``: the sound could not be read."""
        if "NET-0001" in reason:
            return BridgeError("the recogniser heard nothing of us", code="timeout")
        if "DATA-0000" in reason:
            return BridgeError("the recogniser cannot read the sound", code="refused", retryable=False)
        return None

    def _results(self, told: Results) -> Partial | None:
        if told.start + told.duration <= self._began:
            return None  # of the turn before, which did without it
        best = told.channel.alternatives[0] if told.channel.alternatives else Alternative()
        if told.is_final or not best.transcript:
            self._covered_to = max(self._covered_to, told.start + told.duration)
        if told.is_final:
            self._written.final(best.transcript)
        else:
            self._written.rest(best.transcript)
            self._flushed = self._flushed and not best.transcript
        if best.languages:
            self._language = best.languages[0]
        if best.transcript or told.speech_final:
            self._written.ended = self._ends and bool(told.speech_final)
        if told.from_finalize:
            self._paused = "flushed" if self._paused == "asked" else self._paused
            self.complete = self.complete or self._finishing
            self._flushed = self._flushed or self._finishing
        return self._written.partial()
