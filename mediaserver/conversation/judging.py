"""One call's questions to the model that hears the end of a turn: the sound that it is shown, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from mediaserver.audio.inbound import Padding
from mediaserver.audio.logmel import RATE
from mediaserver.audio.resample import Resampler
from mediaserver.audio.smartturn import LOOK_MS

LEAD_MS = 500
"""What the model is shown from before the turn's first voiced sample."""

Answered = Callable[[float], None]


class Asks(Protocol):
    """Who is asked."""

    def ask(self, pcm: bytes, answered: Answered) -> None:
        """Give an answer on the event loop soon, or none."""
        ...


class Judging:
    """Keeps the last 8 s of the caller at 16 kHz, 256 KB. ``take`` handles one thing after the other, see ``Session``."""

    def __init__(self, judge: Asks, rate: int, take: Callable[[Callable[[Any], None], Any], None]) -> None:
        self._judge = judge
        self._take = take
        self._resampler = Resampler(rate, RATE)
        self._heard = Padding(LOOK_MS)

    def hear(self, pcm: bytes) -> None:
        """Take one frame at the call's rate."""
        self._heard.push(self._resampler.feed(pcm))

    def ask(self, turn_ms: int, answered: Answered) -> None:
        """Ask whether a turn that began so long ago is over; ``answered`` is called when nothing else is being handled."""
        sound = b"".join(self._heard.last(turn_ms + LEAD_MS))
        self._judge.ask(sound, lambda complete: self._take(answered, complete))
