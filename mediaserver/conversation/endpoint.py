"""How long to wait after the last voiced sample before the caller's turn is over, for ``semantic_vad``. Pure.

Five things are weighed: how the words so far end, how the voice sounded at its end, what a model thinks of it where there
is one, how long this caller pauses within turns, and how eager the session wants us to be. The first two choose a row and a
column of a table, the others stretch it between a least and a longest wait. The silence itself is the clock: whatever goes
on before the wait is over is one turn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mediaserver.audio.prosody import Prosody
from mediaserver.conversation.endings import Ending, asks, ending

Eagerness = Literal["low", "medium", "high", "auto"]
Tone = Literal["falling", "unclear", "held"]
Verdict = Literal["complete", "unsure", "incomplete"]

QUIET_MS = 200
"""The silence after which we begin to wonder: the inbound edge of ``semantic_vad``."""

CLEAR_DB = 36.0
"""A voice that stands so far above the room is heard to its end."""

_DROWNED_MS_PER_DB = 5.0
"""The quieter its end, the more of it is lost in the noise: the last voiced sample that we know lies before the true one."""

_MOST_DROWNED_MS = 150

_WAITS_MS: dict[Ending, dict[Tone, int]] = {
    "finished": {"falling": 400, "unclear": 450, "held": 1100},
    "silent": {"falling": 700, "unclear": 900, "held": 1200},
    "dictated": {"falling": 1200, "unclear": 1600, "held": 2000},
    "open": {"falling": 2500, "unclear": 4000, "held": 4000},
}

_STRETCH: dict[Ending, dict[Verdict, float]] = {
    "finished": {"complete": 0.75, "unsure": 1.0, "incomplete": 2.75},
    "silent": {"complete": 0.55, "unsure": 1.0, "incomplete": 2.0},
    "dictated": {"complete": 1.0, "unsure": 1.0, "incomplete": 1.5},  # each group of a number sounds complete
    "open": {"complete": 0.5, "unsure": 1.0, "incomplete": 1.5},
}
"""How a model's verdict changes the wait: a pause of a second passes when it says that more will follow."""

_COMPLETE, _INCOMPLETE = 0.8, 0.2


@dataclass(frozen=True, slots=True)
class _Bounds:
    least_ms: int
    longest_ms: int  # the provider's documented longest wait
    stretch: float


_BOUNDS = {
    "low": _Bounds(800, 8000, 2.0),
    "medium": _Bounds(350, 4000, 1.0),
    "auto": _Bounds(350, 4000, 1.0),
    "high": _Bounds(260, 2000, 0.6),
}


def patience_ms(
    eagerness: Eagerness,
    text: str,
    voice: Prosody | None = None,
    pace: float = 1.0,
    complete: float | None = None,
    above_room_db: float = CLEAR_DB,
) -> int:
    """Return the whole wait since the last voiced sample, in milliseconds, at least :data:`QUIET_MS`.

    ``text`` is the partial transcript, ``voice`` its sound at the end, ``pace`` the caller's factor, ``complete`` a model's
    probability 0..1 that nothing will follow, ``None`` where it has not said, ``above_room_db`` how far the voice stood
    above the noise.
    """
    bounds, heard = _BOUNDS[eagerness], tone(voice)
    if heard == "held" and asks(text):
        heard = "unclear"  # the pitch of a question may rise at its end
    words, said = ending(text), verdict(complete)
    if heard == "held" and said == "complete":
        said = "unsure"  # two who disagree
    wait = _WAITS_MS[words][heard] * _STRETCH[words][said] * bounds.stretch * pace
    return round(min(bounds.longest_ms, max(bounds.least_ms, wait) + drowned_ms(above_room_db)))


def drowned_ms(above_room_db: float) -> float:
    """Return how much of the end of a voice the noise of the room has hidden, at a guess, in milliseconds."""
    return min(_MOST_DROWNED_MS, max(0.0, (CLEAR_DB - above_room_db) * _DROWNED_MS_PER_DB))


def least_ms(eagerness: Eagerness) -> int:
    """Return the shortest wait there is, for what needs no answer."""
    return _BOUNDS[eagerness].least_ms


def tone(voice: Prosody | None) -> Tone:
    """Say whether a voice came to rest. A creak or a jump of the estimate is neither."""
    if voice is None:
        return "unclear"
    pitch, level = voice.pitch_st, voice.level_db
    if level <= -4.0 if pitch is None else pitch <= -1.5 or (pitch <= -0.5 and level <= -4.0):
        return "falling"
    return "held" if pitch is not None and -0.5 < pitch < 4.0 and level > -3.0 else "unclear"


def verdict(complete: float | None) -> Verdict:
    """Say what a model's probability of the end is worth."""
    if complete is None or _INCOMPLETE < complete < _COMPLETE:
        return "unsure"
    return "complete" if complete >= _COMPLETE else "incomplete"
