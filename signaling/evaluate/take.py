"""One call as it was played: what was said when, what was heard of the reply, what the server told. Plain data.

All times are milliseconds on the clock of the caller's own sound: its first sample is 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from signaling.evaluate.score import Utterance
from signaling.evaluate.script import Script

What = Literal[
    "started",
    "stopped",
    "committed",
    "transcript",
    "created",
    "paused",
    "resumed",
    "interrupted",
    "cleared",
    "turn",
    "problem",
    "ended",
]


@dataclass(frozen=True, slots=True)
class Seen:
    """Something that the server told, when it arrived."""

    at_ms: float
    what: What
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Said:
    """An utterance that was played from ``start_ms`` on."""

    utterance: Utterance
    start_ms: float

    @property
    def end_ms(self) -> float:
        """Where its last voiced sample ends."""
        return self.start_ms + self.utterance.length_ms

    @property
    def pauses(self) -> list[tuple[float, float]]:
        """The pauses within it: from, to."""
        return [(self.start_ms + start, self.start_ms + end) for start, end in self.utterance.pauses if end > start]

    def words(self, since_ms: float, until_ms: float) -> list[str]:
        """Return its words whose sound ends between these moments."""
        timed = (word for span in self.utterance.spans for word in span.words())
        return [word for _, end, word in timed if since_ms < self.start_ms + end <= until_ms]


@dataclass(slots=True)
class Take:
    """A whole call. ``reply``: from when to when it was audible; ``unsaid``: utterances whose moment never came."""

    script: Script
    said: list[Said] = field(default_factory=list)
    unsaid: list[str] = field(default_factory=list)
    reply: list[tuple[float, float]] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    problem: str = ""

    def moments(self, *what: What, since_ms: float = 0.0, until_ms: float = float("inf")) -> list[float]:
        """Return when the server told one of these, in order, from and to these moments included."""
        return [one.at_ms for one in self.seen if one.what in what and since_ms <= one.at_ms <= until_ms]

    def sounding(self, at_ms: float) -> tuple[float, float] | None:
        """Return the part of the reply that is audible at this moment, if any."""
        return next(((start, end) for start, end in self.reply if start <= at_ms < end), None)

    def replies(self, since_ms: float, until_ms: float = float("inf")) -> list[float]:
        """Return when a reply became audible."""
        return [start for start, _ in self.reply if since_ms <= start <= until_ms]

    def after(self, said: Said) -> float:
        """Return when the next thing is said, or the end of all times."""
        return min((one.start_ms for one in self.said if one.start_ms > said.start_ms), default=float("inf"))
