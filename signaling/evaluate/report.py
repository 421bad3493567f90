"""All calls together: figures, targets, one table for people and the same as plain data for programs. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from signaling.evaluate.figures import SOON_MS, Figures

Number = float | None
"""``None``: there is nothing to measure, or it never came."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One call and what was wrong with it."""

    name: str
    figures: Figures
    failures: list[str]


@dataclass(frozen=True, slots=True)
class Target:
    """A figure and the most that it may be. Times in ms, shares 0..1."""

    name: str
    most: float
    of: str
    """The name of the figure in :func:`summary`."""


TARGETS = (
    Target("barge-in stop, p95", 120.0, "barge_in_stop_p95_ms"),
    Target("false interruptions", 0.05, "false_interruptions"),
    Target("cut-ins on pauses up to 1 s", 0.10, "cut_ins"),
    Target("end of turn, median", 500.0, "end_of_turn_p50_ms"),
)


_LENGTHS = (
    ("300", 0.0, 300.0),
    ("500", 300.0, 500.0),
    ("700", 500.0, 700.0),
    ("1000", 700.0, SOON_MS),
    ("longer", SOON_MS, math.inf),
)
"""Pauses of one kind: a name, more than, up to, in ms."""


def percentile(values: Iterable[Number], part: float) -> Number:
    """Return the nearest-rank percentile; what never came counts as the longest of all, and may itself be the answer."""
    ranked = sorted(math.inf if value is None else value for value in values)
    found = ranked[max(0, math.ceil(part * len(ranked)) - 1)] if ranked else math.inf
    return None if math.isinf(found) else round(found, 1)


def share(some: int, of: int) -> Number:
    """Return a part of the whole, ``None`` of nothing."""
    return round(some / of, 4) if of else None


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return every figure over all calls; each ``n`` says of how many."""
    every = [outcome.figures for outcome in outcomes]
    return {
        "calls": len(outcomes),
        "failed_calls": sum(bool(outcome.failures) for outcome in outcomes),
        **_of_pauses(every),
        **_of_turns(every),
        **_of_interruptions(every),
        "word_error_rate": share(sum(one.word_errors for one in every), sum(one.words for one in every)),
        "words": sum(one.words for one in every),
        "stages": _of_stages(every),
    }


def _of_pauses(every: Sequence[Figures]) -> dict[str, Any]:
    pauses = [pause for one in every for pause in one.pauses]
    soon = [pause for pause in pauses if pause.length_ms <= SOON_MS]
    by_length = {
        name: [pause.cut for pause in pauses if over < pause.length_ms <= most] for name, over, most in _LENGTHS
    }
    return {
        "pauses_n": len(soon),
        "cut_ins_n": sum(pause.cut for pause in soon),
        "cut_ins": share(sum(pause.cut for pause in soon), len(soon)),
        "cut_ins_by_pause_ms": {name: [sum(cuts), len(cuts)] for name, cuts in by_length.items() if cuts},
    }


def _of_turns(every: Sequence[Figures]) -> dict[str, Any]:
    turns = [turn for one in every for turn in one.turns]
    ended, answered = [turn.ended_ms for turn in turns], [turn.answered_ms for turn in turns]
    return {
        "turns_n": len(turns),
        "turns_never_ended_n": ended.count(None),
        "turns_never_answered_n": answered.count(None),
        "end_of_turn_p50_ms": percentile(ended, 0.5),
        "end_of_turn_p95_ms": percentile(ended, 0.95),
        "first_sound_p50_ms": percentile(answered, 0.5),
        "first_sound_p95_ms": percentile(answered, 0.95),
    }


def _of_interruptions(every: Sequence[Figures]) -> dict[str, Any]:
    stops = [barge_in.stop_ms for one in every for barge_in in one.barge_ins]
    distractions = [distraction for one in every for distraction in one.distractions]
    silences = [one.silent_ms for one in distractions if one.silent_ms > 0]
    return {
        "barge_ins_n": len(stops),
        "barge_ins_missed_n": stops.count(None),
        "barge_in_stop_p50_ms": percentile(stops, 0.5),
        "barge_in_stop_p95_ms": percentile(stops, 0.95),
        "distractions_n": len(distractions),
        "false_interruptions_n": sum(one.cut for one in distractions),
        "false_interruptions": share(sum(one.cut for one in distractions), len(distractions)),
        "resumed_n": sum(one.resumed for one in distractions),
        "silenced_n": len(silences),
        "silence_p50_ms": percentile(silences, 0.5),
        "silence_p95_ms": percentile(silences, 0.95),
        "groundless_n": sum(one.groundless for one in every),
        "idle_noises_n": sum(one.idle_noises for one in every),
        "answered_noises_n": sum(one.answered_noises for one in every),
    }


def _of_stages(every: Sequence[Figures]) -> dict[str, Any]:
    lengths: dict[str, list[float]] = {}
    for one in every:
        for name, values in one.stages.items():
            lengths.setdefault(name, []).extend(values)
    return {
        name: {"n": len(values), "p50_ms": percentile(values, 0.5), "p95_ms": percentile(values, 0.95)}
        for name, values in lengths.items()
    }


def judged(facts: dict[str, Any]) -> list[dict[str, Any]]:
    """Return each target with what was reached: ``met`` is ``None`` where there was nothing to measure."""
    return [
        {"name": target.name, "most": target.most, "reached": facts[target.of], "met": _met(target, facts)}
        for target in TARGETS
    ]


def _met(target: Target, facts: dict[str, Any]) -> bool | None:
    reached = facts[target.of]
    if reached is not None:
        return bool(reached <= target.most)
    return False if _COUNTS[target.of](facts) else None


_COUNTS: dict[str, Callable[[dict[str, Any]], int]] = {
    "barge_in_stop_p95_ms": lambda facts: facts["barge_ins_n"],
    "false_interruptions": lambda facts: facts["distractions_n"],
    "cut_ins": lambda facts: facts["pauses_n"],
    "end_of_turn_p50_ms": lambda facts: facts["turns_n"],
}


def passed(outcomes: Sequence[Outcome]) -> bool:
    """Say whether every expectation was met and no target missed."""
    facts = summary(outcomes)
    return not facts["failed_calls"] and all(target["met"] is not False for target in judged(facts))


def as_data(outcomes: Sequence[Outcome], how: dict[str, Any]) -> dict[str, Any]:
    """Return everything as plain data; ``how`` says against what it was measured."""
    facts = summary(outcomes)
    calls = [{"name": one.name, "failures": one.failures, **asdict(one.figures)} for one in outcomes]
    return {**how, "passed": passed(outcomes), "targets": judged(facts), "summary": facts, "calls": calls}


# --- for people -------------------------------------------------------------------------------------------------------


def table(outcomes: Sequence[Outcome]) -> str:
    """Return what failed, the figures and the targets, one line each."""
    facts = summary(outcomes)
    failed = [f"  {one.name}: {failure}" for one in outcomes for failure in one.failures]
    rows = [(name, text(facts)) for name, text in _ROWS]
    rows += [(f"stage {name}", _pair(stage, "")) for name, stage in facts["stages"].items()]
    return "\n".join(
        [
            *(["not as expected:", *failed, ""] if failed else []),
            *(f"{name:<32} {text}" for name, text in rows),
            "",
            *(_target(target) for target in judged(facts)),
        ]
    )


def _target(target: dict[str, Any]) -> str:
    verdict = {True: "met", False: "MISSED", None: "not measured"}[target["met"]]
    unit = _percent if target["most"] < 1 else _ms
    return f"{'target: ' + target['name']:<36} at most {unit(target['most']):<8} {unit(target['reached']):<8} {verdict}"


def _ms(value: Number) -> str:
    return "-" if value is None else f"{value:.0f} ms"


def _percent(value: Number) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _pair(facts: dict[str, Any], prefix: str) -> str:
    return f"p50 {_ms(facts[prefix + 'p50_ms'])}, p95 {_ms(facts[prefix + 'p95_ms'])}"


def _cuts(facts: dict[str, Any]) -> str:
    by_length = ", ".join(f"{name}: {cut}/{of}" for name, (cut, of) in facts["cut_ins_by_pause_ms"].items())
    return f"{facts['cut_ins_n']} of {facts['pauses_n']} ({_percent(facts['cut_ins'])})   {by_length}".rstrip()


def _distractions(facts: dict[str, Any]) -> str:
    return f"{facts['false_interruptions_n']} of {facts['distractions_n']} ({_percent(facts['false_interruptions'])})"


_ROWS: tuple[tuple[str, Callable[[dict[str, Any]], str]], ...] = (
    ("calls", lambda facts: f"{facts['calls']}, {facts['failed_calls']} not as expected"),
    ("cut-ins on pauses up to 1 s", _cuts),
    ("end of turn", lambda facts: f"{_pair(facts, 'end_of_turn_')}   {facts['turns_n']} turns"),
    ("turns that never ended", lambda facts: f"{facts['turns_never_ended_n']} of {facts['turns_n']}"),
    ("first sound of the answer", lambda facts: _pair(facts, "first_sound_")),
    ("barge-in stop", lambda facts: f"{_pair(facts, 'barge_in_stop_')}   {facts['barge_ins_n']} barge-ins"),
    ("barge-ins that stopped nothing", lambda facts: f"{facts['barge_ins_missed_n']} of {facts['barge_ins_n']}"),
    ("false interruptions", _distractions),
    ("resumed replies", lambda facts: f"{facts['resumed_n']} of {facts['distractions_n']} distracted"),
    ("silence before they went on", lambda facts: f"{_pair(facts, 'silence_')}   {facts['silenced_n']} silences"),
    ("pauses for nothing at all", lambda facts: f"{facts['groundless_n']} in {facts['calls']} calls"),
    ("noises that were answered", lambda facts: f"{facts['answered_noises_n']} of {facts['idle_noises_n']}"),
    ("word error rate", lambda facts: f"{_percent(facts['word_error_rate'])} of {facts['words']} words"),
)
