"""The answers of a provider that neither names nor brackets them: opened by their first sign, closed by whoever uses this.

Pure. Each answer is a ResponseCreated, what is said, and exactly one ResponseDone. An answer that was asked for goes under
the asker's name, first asked first; one that the provider begins by itself gets a name of its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from mediaserver.clock import new_id
from mediaserver.events import (
    AudioDelta,
    AudioDone,
    Event,
    ResponseCreated,
    ResponseDone,
    ResponseStatus,
    TextDelta,
    TextDone,
    ToolCalled,
    WordTime,
)

MAX_ASKED = 32
"""Answers asked for and not begun; the session asks for one at a time."""


@dataclass(slots=True)
class Answer:
    """The one that is being made. ``unwanted``: why the rest of it is not told any more."""

    id: str
    item_id: str
    written: list[str] = field(default_factory=list)
    sounded: bool = False
    sound_bytes: int = 0
    unwanted: str | None = None


class Answers:
    """Keeps the answer that is being made and the names of those that were asked for."""

    def __init__(self) -> None:
        self.active: Answer | None = None
        self._asked: deque[str] = deque(maxlen=MAX_ASKED)
        self._unwanted: deque[tuple[str, str]] = deque(maxlen=MAX_ASKED)

    def ask(self, response_id: str) -> None:
        """Give the next answer that begins this name."""
        self._asked.append(response_id)

    def refused(self) -> str | None:
        """Return the name that was asked for last and take it back; the provider will not answer."""
        return self._asked.pop() if self._asked else None

    def unwanted(self, response_id: str, reason: str) -> None:
        """Tell nothing more of this answer than its end, also when it has not begun yet."""
        if self.active is not None and self.active.id == response_id:
            self.active.unwanted = self.active.unwanted or reason
        elif response_id in self._asked:
            self._unwanted.append((response_id, reason))

    def begin(self, voice: str = "") -> Sequence[Event]:
        """Open an answer if none is open."""
        if self.active is not None:
            return ()
        name = self._asked.popleft() if self._asked else new_id("resp")
        self.active = Answer(name, new_id("item"), unwanted=dict(self._unwanted).get(name))
        return (ResponseCreated(name, voice=voice),)

    def text(self, piece: str, voice: str = "") -> Sequence[Event]:
        """More is written."""
        begun, answer = self.begin(voice), self._now()
        if answer.unwanted or not piece:
            return begun
        answer.written.append(piece)
        return (*begun, TextDelta(answer.id, answer.item_id, piece))

    def sentence(self, text: str, voice: str = "") -> Sequence[Event]:
        """A further sentence is written, a space after the one before."""
        before = self.active is not None and self.active.written
        return self.text(f" {text}" if before else text, voice)

    def sounded_ms(self, rate: int) -> int:
        """Return how much of the answer that is open was spoken, PCM16 mono at ``rate`` Hz."""
        return 0 if self.active is None else self.active.sound_bytes * 1000 // (2 * rate)

    def audio(self, pcm: bytes, voice: str = "", words: tuple[WordTime, ...] = ()) -> Sequence[Event]:
        """More is spoken; ``words`` are in the answer's own time."""
        begun, answer = self.begin(voice), self._now()
        if answer.unwanted or not pcm:
            return begun
        answer.sounded = True
        answer.sound_bytes += len(pcm)
        return (*begun, AudioDelta(answer.id, answer.item_id, pcm, words=words))

    def packet(self, opus: bytes, voice: str = "") -> Sequence[Event]:
        """More is spoken, in an Opus packet."""
        begun, answer = self.begin(voice), self._now()
        if answer.unwanted:
            return begun
        answer.sounded = True
        return (*begun, AudioDelta(answer.id, answer.item_id, b"", packets=(opus,)))

    def calls(self, asked: Sequence[tuple[str, str, str]], voice: str = "") -> Sequence[Event]:
        """Functions are asked for, each ``(call_id, name, arguments)``: this ends the answer, so that they can be run.

        An answer that nobody wants any more ends first; the calls are then an answer of their own.
        """
        ended = self.finish() if self.active is not None and self.active.unwanted else ()
        begun, answer = self.begin(voice), self._now()
        told = [ToolCalled(answer.id, new_id("item"), call_id, name, text) for call_id, name, text in asked]
        return (*ended, *begun, *self._closing(answer), *told, *self._close(answer, "completed", None))

    def finish(self, status: ResponseStatus = "completed", reason: str | None = None) -> Sequence[Event]:
        """Close the answer that is open, if one is; of one that nobody wants this says just that."""
        answer = self.active
        if answer is None:
            return ()
        if answer.unwanted:
            return self._close(answer, "cancelled", answer.unwanted)
        return (*self._closing(answer), *self._close(answer, status, reason))

    def cut(self) -> Sequence[Event]:
        """Close the answer that is open: the caller spoke into it."""
        answer = self.active
        return () if answer is None else self._close(answer, "cancelled", answer.unwanted or "turn_detected")

    def _now(self) -> Answer:
        assert self.active is not None  # noqa: S101 - begin has just seen to it
        return self.active

    def _closing(self, answer: Answer) -> Sequence[Event]:
        sound = (AudioDone(answer.id, answer.item_id),) if answer.sounded else ()
        text = (TextDone(answer.id, answer.item_id, "".join(answer.written)),) if answer.written else ()
        return (*sound, *text)

    def _close(self, answer: Answer, status: ResponseStatus, reason: str | None) -> Sequence[Event]:
        self.active = None
        return (ResponseDone(answer.id, status, reason),)


def as_text(events: Sequence[Event]) -> Sequence[Event]:
    """Return the same, where an answer begins with the word that it is written and not spoken."""
    return tuple(replace(each, modalities=("text",)) if isinstance(each, ResponseCreated) else each for each in events)
