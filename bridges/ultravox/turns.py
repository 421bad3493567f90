"""The caller's turns as a call tells them: speech begins, ends, is taken for a turn, and is written down. Pure.

The order between the end of a turn (``state``) and its transcript is not documented, so both may come first.
"""

from __future__ import annotations

from collections.abc import Sequence

from mediaserver.clock import new_id
from mediaserver.events import (
    Event,
    InputCommitted,
    SpeechStarted,
    SpeechStopped,
    TranscriptFailed,
    TranscriptFinal,
    TranscriptPartial,
)


class Turns:
    """One turn at a time; ``at_ms`` is how much of the caller was heard so far."""

    def __init__(self) -> None:
        self._item: str | None = None  # begun and not taken for a turn yet
        self._speaking = False
        self._unwritten: str | None = None  # taken for a turn, its words are awaited

    def started(self, at_ms: int) -> Sequence[Event]:
        """The caller begins to speak."""
        if self._speaking:
            return ()
        self._speaking, self._item = True, new_id("item")
        return (SpeechStarted(self._item, at_ms),)

    def stopped(self, at_ms: int) -> Sequence[Event]:
        """The caller stops."""
        if not self._speaking or self._item is None:
            return ()
        self._speaking = False
        return (SpeechStopped(self._item, at_ms),)

    def taken(self, at_ms: int) -> Sequence[Event]:
        """The agent answers: what was said is a turn, if anything was."""
        if self._item is None:
            return ()
        stopped, item_id = self.stopped(at_ms), self._item
        lost, self._unwritten, self._item = self._given_up(), item_id, None
        return (*lost, *stopped, InputCommitted(item_id, None))

    def partial(self, text: str, at_ms: int) -> Sequence[Event]:
        """Words so far."""
        begun = self.started(at_ms) if self._item is None and self._unwritten is None else ()
        item_id = self._unwritten or self._item or ""
        return (*begun, TranscriptPartial(item_id, text))

    def final(self, text: str, at_ms: int) -> Sequence[Event]:
        """All the words of a turn."""
        begun = self.started(at_ms) if self._item is None and self._unwritten is None else ()
        taken = self.taken(at_ms) if self._unwritten is None else ()
        item_id, self._unwritten = self._unwritten or "", None
        return (*begun, *taken, TranscriptFinal(item_id, text))

    def _given_up(self) -> Sequence[Event]:
        if self._unwritten is None:
            return ()
        return (TranscriptFailed(self._unwritten, "transcription_failed", "the provider wrote nothing down"),)
