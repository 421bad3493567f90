"""Where within the 20 ms of the clock a call is ticked: just behind whatever it waits for."""

from __future__ import annotations

from collections.abc import Callable

from mediaserver.audio.ticker import EARLY, Tick, Ticker
from mediaserver.clock import Clock
from mediaserver.rtc.rhythm import Rhythm

SOON = 2
"""Slots of the clock, from the next one on, in which a reply may begin: the emptier one, so that calls stay apart."""


class Place:
    """The place of one call on the clock. Pure, but for joining the ticker.

    Live sound is ticked just after it comes. While nothing is said to the caller nothing holds the tick where it is: a
    reply begins at the next moment instead of up to a frame later, and a caller who stops sending in a pause (DTX) is
    missed when the next packet would have come. What is being said keeps its place.
    """

    def __init__(self, ticker: Ticker, tick: Tick, clock: Clock) -> None:
        self._ticker, self._tick, self._clock = ticker, tick, clock
        self._rhythm: Rhythm | None = None
        self._leave: Callable[[], None] | None = None
        self._resting = True

    def follow(self, *, live: bool) -> None:
        """Say whether what is queued from now on is live sound."""
        self._rhythm = Rhythm() if live else None

    def join(self) -> None:
        """Take part in the clock, or find the place anew."""
        self._move(self._rhythm.phase if self._rhythm is not None else None)

    def leave(self) -> None:
        """Be ticked no more; idempotent."""
        if self._leave is not None:
            self._leave()
            self._leave = None

    def queued(self, *, due: bool) -> None:
        """Sound was queued; ``due``: there is a frame of it to send. Nothing moves who is not ticked."""
        if self._leave is None:
            return
        if self._rhythm is not None:
            if self._rhythm.beat(self._clock()):
                self.join()
        elif self._resting and due:
            self._resting = False  # once: until the tick comes more of it may be queued
            self._move(self._clock() + EARLY, SOON)

    def ticked(self, *, sounding: bool, awaited: float | None) -> None:
        """Say at the end of a tick whether it sent sound, and when the next packet would come in a pause that has begun."""
        self._resting = not sounding
        if awaited is not None and self._resting and self._rhythm is None and self._leave is not None:
            self._move(awaited + EARLY)

    def _move(self, phase: float | None, spread: int = 1) -> None:
        leave, self._leave = self._leave, self._ticker.join(self._tick, phase, spread)
        if leave is not None:
            leave()
