"""What a script expects and forbids, held against the call. Pure: one sentence for each that was not met."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from signaling.evaluate.figures import cut_by, stop_of, transcripts
from signaling.evaluate.script import Expect, Forbid
from signaling.evaluate.take import Said, Take, What
from signaling.headless.scoring import words


def failures(take: Take) -> list[str]:
    """Return what was not as the script wants it, utterances that never had their moment included."""
    if take.problem:
        return [take.problem]
    return [
        *(f"{name} was never said: there was no reply to wait for" for name in take.unsaid),
        *_unmet(take),
        *_broken(take),
    ]


def _unmet(take: Take) -> Iterator[str]:
    for wish in take.script.expect:
        said = _named(take, wish.after)
        if said is None and wish.event != "heard":
            yield f"{wish.event}: nothing was said before it"
        elif (complaint := _EXPECT[wish.event](take, said, wish)) is not None:
            yield f"{wish.event} after {said.utterance.name if said else 'all'}: {complaint}"


def _named(take: Take, name: str) -> Said | None:
    return next((said for said in reversed(take.said) if name in ("", said.utterance.name)), None)


def _turn_ended(take: Take, said: Said, wish: Expect) -> str | None:
    return _late(take.moments("committed", since_ms=said.end_ms), said.end_ms, wish.within_ms)


def _reply_begins(take: Take, said: Said, wish: Expect) -> str | None:
    return _late(take.replies(said.end_ms), said.end_ms, wish.within_ms)


def _reply_stops(take: Take, said: Said, wish: Expect) -> str | None:
    if take.sounding(said.start_ms) is None:
        return "no reply was audible"
    stopped = stop_of(take, said)
    return _late([] if stopped is None else [stopped], 0.0, wish.within_ms)


def _reply_resumes(take: Take, said: Said, wish: Expect) -> str | None:
    """A reply that was never stopped need not be resumed."""
    sounding = take.sounding(said.start_ms)
    if sounding is None:
        return "no reply was audible"
    if cut_by(take, said):
        return "it was cut off"
    held = take.moments("paused", since_ms=said.start_ms)
    return _late(take.moments("resumed", since_ms=said.start_ms), said.end_ms, wish.within_ms) if held else None


def _heard(take: Take, _said: Said | None, wish: Expect) -> str | None:
    got, want = words(" ".join(transcripts(take))), words(wish.words)
    found = any(got[at : at + len(want)] == want for at in range(len(got)))
    return None if found else f"“{wish.words}” is not in “{' '.join(got)}”"


def _late(moments: list[float], since_ms: float, within_ms: float) -> str | None:
    if not moments:
        return "it never did"
    took = moments[0] - since_ms
    return None if took <= within_ms else f"{took:.0f} ms, not within {within_ms:.0f}"


def _broken(take: Take) -> Iterator[str]:
    for ban in take.script.forbid:
        for start, end in _windows(take, ban):
            for moment in _FORBID[ban.event](take, start, end)[:1]:
                yield f"{ban.event} during {ban.during}, at {moment:.0f} ms, which it must not"


def _windows(take: Take, ban: Forbid) -> list[tuple[float, float]]:
    if ban.during == "call":
        return [(0.0, float("inf"))]
    if ban.during == "pauses":
        return [pause for said in take.said for pause in said.pauses]
    return [(one.start_ms, one.end_ms + ban.tail_ms) for one in take.said if one.utterance.name == ban.during]


def _told(*what: What) -> Callable[[Take, float, float], list[float]]:
    return lambda take, start, end: take.moments(*what, since_ms=start, until_ms=end)


_EXPECT: dict[str, Callable[..., str | None]] = {
    "turn_ended": _turn_ended,
    "reply_begins": _reply_begins,
    "reply_stops": _reply_stops,
    "reply_resumes": _reply_resumes,
    "heard": _heard,
}
_FORBID: dict[str, Callable[[Take, float, float], list[float]]] = {
    "turn_ended": _told("committed"),
    "reply_begins": lambda take, start, end: take.replies(start, end),
    "reply_stops": _told("interrupted", "cleared"),
}
