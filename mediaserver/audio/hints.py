"""A voice that is likely and not yet certain: reason enough to be silent for a moment, not to take a turn. Pure.

What :class:`~mediaserver.audio.inbound.Inbound` calls an onset opens a turn and may cut a reply, so it takes its time, and
more of it while our own sound may be coming back. A pause costs little: the reply goes on where it stopped.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from mediaserver.clock import FRAME_MS


@dataclass(frozen=True, slots=True)
class Hint:
    """Somebody may be speaking since ``start_ms`` of the audio clock; within ``hold_ms`` there is an onset, or nobody is.

    ``ours``: it may as well be our own sound.
    """

    start_ms: int
    hold_ms: int
    ours: bool = False


@dataclass(frozen=True, slots=True)
class _Rule:
    frames: int  # voiced ...
    of: int  # ... of the last so many
    hold_ms: int


_CLEAR = _Rule(2, 3, 200)
"""No echo is expected: headsets, echo cancellation, silence of ours."""
_GUARDED = _Rule(4, 5, 200)
"""Louder than any echo that is expected."""
_DOUBTFUL = _Rule(4, 5, 1000)
"""Louder than the room only: as long as our last sound may still come back, no onset can be certain."""

LONGEST_DOUBT_MS = _DOUBTFUL.of * FRAME_MS + _DOUBTFUL.hold_ms
"""From the first voice of a hint to the last moment at which it may become an onset."""


class Hints:
    """Gives one hint for each stretch of voice. Feed it while nobody speaks for certain."""

    def __init__(self) -> None:
        self._above_echo: deque[bool] = deque(maxlen=5)
        self._above_room: deque[bool] = deque(maxlen=5)
        self._given = False

    def feed(self, clock_ms: int, *, above_echo: bool, above_room: bool, guarded: bool) -> Hint | None:
        """Take one frame that ends at ``clock_ms``: is there a voice above the echo we expect, and above the room?"""
        self._above_echo.append(above_echo)
        self._above_room.append(above_room)
        if not any(self._above_room):
            self._given = False
        if self._given or not above_room:
            return None
        hint = self._hint(clock_ms, guarded)
        self._given = hint is not None
        return hint

    def _hint(self, clock_ms: int, guarded: bool) -> Hint | None:
        rule = _GUARDED if guarded else _CLEAR
        if _met(rule, self._above_echo):
            return Hint(_since(clock_ms, self._above_echo), rule.hold_ms)
        if guarded and _met(_DOUBTFUL, self._above_room):
            return Hint(_since(clock_ms, self._above_room), _DOUBTFUL.hold_ms, ours=True)
        return None


def _met(rule: _Rule, frames: deque[bool]) -> bool:
    return frames[-1] and sum(list(frames)[-rule.of :]) >= rule.frames


def _since(clock_ms: int, frames: deque[bool]) -> int:
    return clock_ms - (len(frames) - frames.index(True)) * FRAME_MS
