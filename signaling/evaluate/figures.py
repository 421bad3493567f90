"""What one call shows about the taking of turns: the script's marks held against what came back. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from signaling.evaluate.take import Said, Take
from signaling.headless.scoring import word_errors, words

TAIL_MS = 3000.0
"""What follows from a sound within this long after its end is put down to it."""
JUST_NOW_MS = 300.0
"""A pause of the reply so soon after a sound is put down to it."""
SOON_MS = 1000.0
"""A pause that is longer may be taken for the end of a turn."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause within a turn; ``cut``: the server took it for the turn's end."""

    length_ms: int
    cut: bool


@dataclass(frozen=True, slots=True)
class TurnEnd:
    """The end of a turn, from its last voiced sample, in ms: to the server's commit, to the first sound of the answer."""

    name: str
    ended_ms: float | None
    answered_ms: float | None


@dataclass(frozen=True, slots=True)
class BargeIn:
    """Words into a reply: how long until it was silent, in ms from their first sample; ``None``: it was not stopped."""

    name: str
    stop_ms: float | None


@dataclass(frozen=True, slots=True)
class Distraction:
    """A backchannel or a noise into a reply: was it ``cut`` off by it, for how long was it silent, did it go on."""

    name: str
    cut: bool
    silent_ms: float
    resumed: bool


@dataclass(slots=True)
class Figures:
    """All of one call. ``idle_noises``: noises while nobody spoke, ``answered_noises``: those that were answered.

    ``groundless``: how often the reply paused while nobody spoke and nothing but the noise of the room was heard.
    """

    pauses: list[Pause] = field(default_factory=list)
    turns: list[TurnEnd] = field(default_factory=list)
    barge_ins: list[BargeIn] = field(default_factory=list)
    distractions: list[Distraction] = field(default_factory=list)
    idle_noises: int = 0
    answered_noises: int = 0
    groundless: int = 0
    words: int = 0
    word_errors: int = 0
    stages: dict[str, list[float]] = field(default_factory=dict)


def figures(take: Take) -> Figures:
    """Measure a call."""
    found = Figures(groundless=len(_groundless(take)))
    for said in take.said:
        _MEASURES[said.utterance.kind](take, said, found)
    for seen in take.seen:
        for name, length in seen.facts.get("stages", ()) if seen.what == "turn" else ():
            found.stages.setdefault(name, []).append(length)
    return found


def _groundless(take: Take) -> list[float]:
    spans = [(said.start_ms, said.end_ms + JUST_NOW_MS) for said in take.said]
    return [at for at in take.moments("paused") if not any(start <= at <= end for start, end in spans)]


def stop_of(take: Take, said: Said) -> float | None:
    """Return how long after the first sample of an utterance the reply was silent for good, in ms.

    ``None``: there was no reply, or it played on or went on later.
    """
    sounding = take.sounding(said.start_ms)
    if sounding is None or not cut_by(take, said):
        return None
    return sounding[1] - said.start_ms


def cut_by(take: Take, said: Said) -> bool:
    """Say whether a reply was stopped for good while this was said, or soon after."""
    until = min(said.end_ms + TAIL_MS, take.after(said))
    return bool(take.moments("interrupted", "cleared", since_ms=said.start_ms, until_ms=until))


def _measure_turn(take: Take, said: Said, found: Figures) -> None:
    found.pauses += [
        Pause(round(end - start), bool(take.moments("committed", since_ms=start, until_ms=end)))
        for start, end in said.pauses
    ]
    until = take.after(said)
    ended = next(iter(take.moments("committed", since_ms=said.end_ms, until_ms=until)), None)
    answered = next(iter(take.replies(said.end_ms, until)), None)
    found.turns.append(TurnEnd(said.utterance.name, _since(said, ended), _since(said, answered)))
    if said.utterance.text:
        _measure_words(take, said, found)


def _measure_words(take: Take, said: Said, found: Figures) -> None:
    want = words(said.utterance.text)
    got = words(" ".join(transcripts(take, said.start_ms, take.after(said))))
    found.words += len(want)
    found.word_errors += word_errors(want, got)


def transcripts(take: Take, since_ms: float = 0.0, until_ms: float = float("inf")) -> Iterable[str]:
    """Return what was written down between two moments."""
    written = (seen for seen in take.seen if seen.what == "transcript" and since_ms <= seen.at_ms <= until_ms)
    return [str(seen.facts.get("text", "")) for seen in written]


def _measure_barge_in(take: Take, said: Said, found: Figures) -> None:
    if take.sounding(said.start_ms) is not None:
        found.barge_ins.append(BargeIn(said.utterance.name, stop_of(take, said)))
    _measure_turn(take, said, found)


def _measure_distraction(take: Take, said: Said, found: Figures) -> None:
    sounding = take.sounding(said.start_ms)
    if sounding is None:
        _measure_idle_noise(take, said, found)
        return
    until = min(said.end_ms + TAIL_MS, take.after(said))
    paused = take.moments("paused", since_ms=said.start_ms, until_ms=until)
    resumed = take.moments("resumed", since_ms=said.start_ms, until_ms=until)
    again = take.replies(sounding[1], sounding[1] + TAIL_MS + said.utterance.length_ms)
    silent = again[0] - sounding[1] if again and paused else _held(paused, resumed)
    cut = cut_by(take, said)
    found.distractions.append(Distraction(said.utterance.name, cut, 0.0 if cut else silent, bool(resumed) and not cut))


def _held(paused: list[float], resumed: list[float]) -> float:
    """Return how long the reply was held, as the server tells it: a silence too short for the ear's own reckoning."""
    return max(0.0, resumed[0] - paused[0]) if paused and resumed else 0.0


def _measure_idle_noise(take: Take, said: Said, found: Figures) -> None:
    if said.utterance.kind != "noise":
        return
    until = min(said.end_ms + TAIL_MS, take.after(said))
    found.idle_noises += 1
    found.answered_noises += bool(take.moments("created", since_ms=said.start_ms, until_ms=until))


def _since(said: Said, moment: float | None) -> float | None:
    return None if moment is None else moment - said.end_ms


_MEASURES = {
    "turn": _measure_turn,
    "barge_in": _measure_barge_in,
    "backchannel": _measure_distraction,
    "noise": _measure_distraction,
}
