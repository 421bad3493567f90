"""What is said while a tool takes its time: when a phrase is due, and which. Pure: no sound, no clock."""

from __future__ import annotations

from dataclasses import dataclass

from mediaserver.toolconfig import ToolFiller


@dataclass(frozen=True, slots=True)
class Filler:
    """Say this now, outside the conversation: the model is not to believe that it said it."""

    text: str


@dataclass(frozen=True, slots=True)
class StopFiller:
    """Somebody speaks: say no more of the phrase."""


class Fillers:
    """Counts the silence while a tool is waited for. Times are monotonic seconds.

    A phrase is due after ``after_s`` of silence, further ones ``every_s`` after the end of the one before, ``most`` for one
    wait. Silence is: the caller does not speak, and nothing is played to the caller, phrases included.
    """

    def __init__(self, rules: ToolFiller) -> None:
        self._rules = rules
        self._waiting = self._speaking = self._sounding = False
        self._saying = False  # a phrase of ours is on its way or being played
        self._said = 0  # phrases of this wait
        self._next = 0  # the phrase to say next: a second wait does not begin with the same words
        self._silent_since = 0.0

    @property
    def due(self) -> float | None:
        """When :meth:`tick` has something to say, monotonic seconds."""
        rules = self._rules
        silent = self._waiting and not self._speaking and not self._sounding
        if not silent or not rules.phrases or self._said >= rules.most:
            return None
        return self._silent_since + (rules.every_s if self._said else rules.after_s)

    def wait(self, waiting: bool, now: float) -> None:
        """Say whether a tool is being waited for."""
        if waiting and not self._waiting:
            self._said, self._silent_since = 0, max(now, self._silent_since)
        self._waiting = waiting

    def speech(self, speaking: bool, now: float) -> list[StopFiller]:
        """The caller began or stopped speaking."""
        self._speaking, self._silent_since = speaking, now
        if not speaking or not self._saying:
            return []
        self._saying = False
        return [StopFiller()]

    def sounding(self, sounding: bool, now: float) -> None:
        """Something began to be played to the caller, or nothing is any more."""
        self._sounding, self._silent_since = sounding, now
        self._saying = self._saying and sounding

    def tick(self, now: float) -> list[Filler]:
        """Return the phrase that is due."""
        if self.due is None or now < self.due:
            return []
        phrases = self._rules.phrases
        text = phrases[self._next % len(phrases)]
        self._next, self._said = self._next + 1, self._said + 1
        self._saying, self._silent_since = True, now
        return [Filler(text)]
