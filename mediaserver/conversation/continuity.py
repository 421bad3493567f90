"""A call outlives its providers: when to open the next one, when it takes over, and when there is none left. Pure.

What happened goes in (:meth:`Continuity.on`), what to do comes out; :attr:`Continuity.due` says when to tick.

- The provider fails (it breaks, or it is silent where something is due): the next place is opened at once, at most
  ``attempts`` in one failure, with a second one beside a slow first. The first that is ready takes over.
- The provider will end its session (a known cap, or it says so): another is opened before that and takes over at a turn
  boundary, at the latest ``margin / 4`` before the end. So it is when the provider cannot take other settings in
  mid-session; what the caller says to them at a turn boundary is kept for the one that will have them.
- No place is left, or none got ready in time: an apology, and the end.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mediaserver.clock import earliest
from mediaserver.conversation.route import Failure, Health, Place, Route, Search
from mediaserver.conversation.steadiness import Steadiness
from mediaserver.conversation.steps import (
    Abandon,
    Action,
    Alarm,
    Apologise,
    ApologySpoken,
    Begun,
    CallerSpeaking,
    EndCall,
    Ending,
    EndNear,
    Expected,
    Filler,
    Happening,
    Hold,
    LegEnded,
    LegFailed,
    LegReady,
    Open,
    Outdated,
    Progress,
    Quiet,
    Reason,
    Release,
    ReplyBegan,
    ReplyDue,
    ReplyOver,
    Switch,
    Tick,
    Tools,
)
from mediaserver.conversation.watchdog import Watchdog

EXPIRED = Failure("session_expired")
TIMEOUT = Failure("timeout")

LONGEST_NOTICE_S = 3600.0
"""A provider that says that it ends later than this says nothing of use."""


@dataclass(slots=True)
class _Try:
    """A leg that is not serving: being opened, or ready and waiting for its moment."""

    leg: int
    place: int
    opened_at: float
    deadline: float
    warm: bool = False
    ready: bool = False


@dataclass(slots=True)
class _Serving:
    """The leg that serves. ``cap_at``: its session ends then; the next one is opened ``margin`` before.

    ``held``: it is told nothing more, all waits for the next one.
    """

    leg: int
    place: int
    cap_at: float | None = None
    margin: float = 0.0
    held: bool = False

    @property
    def rotate_at(self) -> float | None:
        """When the next one is to be opened."""
        return None if self.cap_at is None else self.cap_at - self.margin


@dataclass(slots=True)
class _Trouble:
    """One failure (or the beginning), from the first word of it until another provider has settled."""

    search: Search
    first: bool = False
    attempts: int = 0
    last: Failure = TIMEOUT
    give_up_at: float | None = None
    retry_at: float | None = None
    hedge_at: float | None = None
    settle_at: float | None = None


@dataclass(slots=True)
class _Rotation:
    """One rotation: where the next leg is looked for, and when to try again."""

    search: Search
    attempts: int = 0
    retry_at: float = 0.0


class Continuity:
    """The continuity of one call over the places of its route."""

    def __init__(
        self,
        places: Sequence[Place],
        health: Health,
        steadiness: Steadiness | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._set = steadiness or Steadiness()
        self._route = Route(places, health, chance)
        self._watch = Watchdog(self._set.alertness)
        self._serving: _Serving | None = None
        self._tries: dict[int, _Try] = {}
        self._trouble: _Trouble | None = None
        self._rotation: _Rotation | None = None
        self._legs = 0
        self._quiet = False
        self._leave_at: float | None = None  # the apology is being spoken, until then at the latest
        self._over = False

    @property
    def serving(self) -> int | None:
        """The leg that serves, ``None`` while there is none."""
        return None if self._serving is None else self._serving.leg

    @property
    def due(self) -> float | None:
        """When :class:`Tick` is due, monotonic seconds; ``None``: nothing is waited for."""
        if self._over:
            return None
        return earliest(*self._waits())

    def on(self, event: Happening, now: float) -> list[Action]:
        """Take what happened at ``now`` (monotonic seconds) and return what to do, in order."""
        return [] if self._over else _HANDLERS[type(event)](self, event, now)

    # --- a search for a place -----------------------------------------------------------------------------------------

    def _begun(self, _event: Begun, now: float) -> list[Action]:
        self._trouble = _Trouble(Search(0), first=True)
        return self._seek(self._trouble, now)

    def _seek(self, trouble: _Trouble, now: float) -> list[Action]:
        """Open the next place; when there is none at this moment, say when to look again or give up."""
        trouble.retry_at = trouble.hedge_at = None
        if trouble.attempts >= self._set.attempts:
            return [] if self._tries else self._give_up(trouble, now)
        place = self._route.next(trouble.search, now, {one.place for one in self._tries.values()})
        if place is None:
            return self._look_again(trouble, now)
        trouble.attempts += 1
        if not trouble.first:
            trouble.hedge_at = now + self._set.hedge_s
        patience = self._set.begin_s if trouble.first else self._set.switch_s
        return [self._open(place, trouble.attempts, now, patience)]

    def _look_again(self, trouble: _Trouble, now: float) -> list[Action]:
        if self._tries:
            return []
        if trouble.give_up_at is None:
            trouble.give_up_at = now + self._set.give_up_s
        opens_at = self._route.opens_at(now)
        if opens_at is None:
            return self._give_up(trouble, now)
        trouble.retry_at = opens_at if opens_at > now else now + self._route.backoff(0)
        return self._give_up(trouble, now) if trouble.retry_at >= trouble.give_up_at else []

    def _open(self, place: int, attempt: int, now: float, patience: float, *, warm: bool = False) -> Open:
        leg, self._legs = self._legs, self._legs + 1
        self._tries[leg] = _Try(leg, place, now, now + patience, warm)
        return Open(leg, place, attempt, warm)

    def _give_up(self, trouble: _Trouble, now: float) -> list[Action]:
        self._leave_at = now + self._set.goodbye_s
        self._trouble = None
        return [*self._abandon_tries(), Apologise(trouble.last.code)]

    def _abandon_tries(self) -> list[Action]:
        gone: list[Action] = [Abandon(leg) for leg in self._tries]
        self._tries.clear()
        self._rotation = None
        return gone

    # --- what becomes of a leg ----------------------------------------------------------------------------------------

    def _ready(self, event: LegReady, now: float) -> list[Action]:
        one = self._tries.get(event.leg)
        if one is None:
            return []
        one.ready = True
        self._route.stands(one.place, now)
        if one.warm:
            return self._perhaps_rotate(now)
        trouble = self._trouble
        return self._take_over(one, now, "begun" if trouble is not None and trouble.first else "failover")

    def _take_over(self, one: _Try, now: float, reason: Reason) -> list[Action]:
        del self._tries[one.leg]
        before, trouble = self._serving, self._trouble
        self._serving = self._to_serve(one)
        if trouble is not None:
            trouble.retry_at = trouble.hedge_at = trouble.give_up_at = None
            trouble.settle_at, trouble.first = now + self._set.settle_s, False
        self._watch.restart(now)
        gone: list[Action] = [] if before is None else [Abandon(before.leg)]
        return [Switch(one.leg, one.place, reason), *gone, *self._abandon_tries()]

    def _to_serve(self, one: _Try) -> _Serving:
        limit = self._route.places[one.place].max_session_s
        if limit is None:
            return _Serving(one.leg, one.place)
        return _Serving(one.leg, one.place, one.opened_at + limit, min(self._set.margin_s, limit / 4))

    def _failed(self, event: LegFailed, now: float) -> list[Action]:
        serving, one = self._serving, self._tries.pop(event.leg, None)
        if one is not None:
            return self._not_opened(one, event.failure, now)
        if serving is None or serving.leg != event.leg:
            return []
        return self._lost(serving, event.failure, now)

    def _ended(self, event: LegEnded, now: float) -> list[Action]:
        """The end of a session that was near its end is no wish to end the call; any other is."""
        serving = self._serving
        if serving is None or serving.leg != event.leg:
            return self._failed(LegFailed(event.leg, Failure("connection_lost")), now)
        if serving.rotate_at is not None and now >= serving.rotate_at:
            return self._lost(serving, EXPIRED, now)
        self._serving = None
        return self._end("provider_closed")

    def _not_opened(self, one: _Try, failure: Failure, now: float) -> list[Action]:
        self._route.failed(one.place, failure, now)
        actions = _alarm(one.place, failure)
        if one.warm:
            self._rotate_later(now)
            return actions + self._release(now)
        trouble = self._in_trouble(one.place, failure, now)
        if not self._tries:
            return actions + self._seek(trouble, now)
        return actions

    def _lost(self, serving: _Serving, failure: Failure, now: float) -> list[Action]:
        """The leg that served is gone: a warm one takes over at once, one that is being opened as soon as it is ready."""
        self._serving = self._rotation = None
        self._route.failed(serving.place, failure, now, stood=True)
        trouble = self._in_trouble(serving.place, failure, now)
        actions = _alarm(serving.place, failure)
        warm = next(iter(self._tries.values()), None)
        if warm is None:
            return actions + self._seek(trouble, now)
        warm.warm, warm.deadline = False, min(warm.deadline, now + self._set.switch_s)
        trouble.attempts += 1
        trouble.search.opened[warm.place] += 1
        if warm.ready:
            return actions + self._take_over(warm, now, "failover")
        trouble.hedge_at = now + self._set.hedge_s
        return actions

    def _in_trouble(self, place: int, failure: Failure, now: float) -> _Trouble:
        """Return the trouble that this failure is part of. The time to give up runs from the failure that left nobody."""
        trouble = self._trouble or _Trouble(Search(place, failure))
        self._trouble, trouble.last, trouble.settle_at = trouble, failure, None
        if trouble.give_up_at is None:
            trouble.give_up_at = now + self._set.give_up_s
        return trouble

    # --- rotation -----------------------------------------------------------------------------------------------------

    def _end_near(self, event: EndNear, now: float) -> list[Action]:
        serving, left = self._serving, event.time_left_s
        if serving is None or serving.leg != event.leg or not math.isfinite(left):
            return []
        left = min(max(0.0, left), LONGEST_NOTICE_S)
        if serving.cap_at is None or now + left < serving.cap_at:
            serving.cap_at = now + left
        serving.margin = max(0.0, serving.cap_at - now)
        return self._rotate(serving, now)

    def _outdated(self, event: Outdated, now: float) -> list[Action]:
        actions, serving = self._end_near(EndNear(event.leg, event.within_s), now), self._serving
        if serving is None or serving.leg != event.leg or serving.held:
            return actions
        serving.held = bool(self._tries) and (event.fresh or self._at_boundary)
        if serving.held:
            return [Hold(serving.leg), *actions]
        return [*actions, Release(serving.leg)] if event.fresh else actions

    def _release(self, now: float) -> list[Action]:
        serving = self._serving
        if serving is None or not serving.held:
            return []
        serving.held = False
        self._watch.restart(now)
        return [Release(serving.leg)]

    @property
    def _at_boundary(self) -> bool:
        return self._quiet and not self._watch.waiting and not self._watch.owed

    def _rotate(self, serving: _Serving, now: float) -> list[Action]:
        """Open the next leg when it is time, and switch to it when it may; elsewhere only after some tries here."""
        rotate_at = serving.rotate_at
        if rotate_at is None or now < rotate_at:
            return []
        if self._tries:
            return self._perhaps_rotate(now)
        rotation = self._rotation = self._rotation or _Rotation(Search(serving.place))
        if now < rotation.retry_at:
            return []
        rotation.attempts += 1
        faithful = rotation.attempts <= self._set.attempts
        others = set(range(len(self._route.places))) - {serving.place} if faithful else ()
        place = self._route.next(rotation.search, now, others)
        if place is None:
            self._rotate_later(now)
            return []
        return [self._open(place, rotation.attempts, now, self._set.begin_s, warm=True)]

    def _rotate_later(self, now: float) -> None:
        if self._rotation is not None:
            self._rotation.retry_at = now + self._route.backoff(self._rotation.attempts)

    def _perhaps_rotate(self, now: float) -> list[Action]:
        warm, at = self._warm(), self._switch_at()
        if warm is None or at is None or now < at:
            return []
        return self._take_over(warm, now, "rotation")

    def _warm(self) -> _Try | None:
        return next((one for one in self._tries.values() if one.warm and one.ready), None)

    def _switch_at(self) -> float | None:
        """When the warm leg takes over: at a turn boundary at once, else shortly before the end."""
        serving = self._serving
        if serving is None or serving.cap_at is None:
            return None
        if serving.held or self._at_boundary:
            return 0.0
        return serving.cap_at - (min(serving.margin / 4, self._set.last_s) if self._watch.tools else serving.margin / 4)

    # --- what is said of the provider and the caller ------------------------------------------------------------------

    def _progress(self, _event: Progress, now: float) -> list[Action]:
        self._watch.progress(now)
        return []

    def _expected(self, _event: Expected, now: float) -> list[Action]:
        self._watch.expect(now)
        return []

    def _reply_due(self, _event: ReplyDue, now: float) -> list[Action]:
        self._watch.reply_due(now)
        return []

    def _reply_began(self, _event: ReplyBegan, now: float) -> list[Action]:
        self._watch.reply_began(now)
        if self._serving is not None:
            self._trouble = None
        return []

    def _reply_over(self, _event: ReplyOver, now: float) -> list[Action]:
        self._watch.reply_over()
        return self._perhaps_rotate(now)

    def _caller_speaking(self, event: CallerSpeaking, now: float) -> list[Action]:
        self._watch.set_speaking(event.speaking, now)
        return self._perhaps_rotate(now)

    def _tools(self, event: Tools, now: float) -> list[Action]:
        self._watch.set_tools(event.outstanding, now)
        return self._perhaps_rotate(now)

    def _set_quiet(self, event: Quiet, now: float) -> list[Action]:
        self._quiet = event.quiet
        return self._perhaps_rotate(now)

    # --- the end ------------------------------------------------------------------------------------------------------

    def _apology_spoken(self, _event: ApologySpoken, _now: float) -> list[Action]:
        return [] if self._leave_at is None else self._end("provider_error")

    def _end(self, reason: Ending) -> list[Action]:
        self._over = True
        serving, self._serving = self._serving, None
        return [*([] if serving is None else [Abandon(serving.leg)]), *self._abandon_tries(), EndCall(reason)]

    # --- time ---------------------------------------------------------------------------------------------------------

    def _waits(self) -> list[float | None]:
        waits: list[float | None] = [self._leave_at]
        waits += [one.deadline for one in self._tries.values() if not one.ready]
        if (trouble := self._trouble) is not None:
            waits += [trouble.give_up_at, trouble.retry_at, trouble.hedge_at, trouble.settle_at]
        if (serving := self._serving) is not None:
            waits += [None if serving.held else self._watch.due, self._rotation_due(serving)]
        return waits

    def _rotation_due(self, serving: _Serving) -> float | None:
        if self._tries:
            return None if self._warm() is None else self._switch_at()
        retry_at = 0.0 if self._rotation is None else self._rotation.retry_at
        return None if serving.rotate_at is None else max(serving.rotate_at, retry_at)

    def _tick(self, _event: Tick, now: float) -> list[Action]:
        if self._leave_at is not None:
            return self._end("provider_error") if now >= self._leave_at else []
        actions: list[Action] = []
        for one in [one for one in self._tries.values() if not one.ready and now >= one.deadline]:
            actions += self._too_late(one, now)
        if self._trouble is not None:
            actions += self._tick_trouble(self._trouble, now)
        if self._serving is not None:
            actions += self._tick_serving(self._serving, now)
        return actions

    def _too_late(self, one: _Try, now: float) -> list[Action]:
        if self._tries.pop(one.leg, None) is None:
            return []  # another one that was too late was the last
        return [Abandon(one.leg), *self._not_opened(one, TIMEOUT, now)]

    def _tick_trouble(self, trouble: _Trouble, now: float) -> list[Action]:
        if _past(trouble.give_up_at, now):
            return self._give_up(trouble, now)
        if _past(trouble.settle_at, now):
            self._trouble = None
        if _past(trouble.retry_at, now) or _past(trouble.hedge_at, now):
            return self._seek(trouble, now)
        return []

    def _tick_serving(self, serving: _Serving, now: float) -> list[Action]:
        verdict = None if serving.held else self._watch.check(now)
        if verdict == "filler":
            return [Filler(), *self._rotate(serving, now)]
        if verdict is not None:
            return [Abandon(serving.leg), *self._lost(serving, TIMEOUT, now)]
        return self._rotate(serving, now)


def _past(at: float | None, now: float) -> bool:
    return at is not None and now >= at


def _alarm(place: int, failure: Failure) -> list[Action]:
    return [Alarm(place)] if failure.code == "unauthorized" else []


_HANDLERS: dict[type, Callable[[Continuity, Any, float], list[Action]]] = {
    Begun: Continuity._begun,
    LegReady: Continuity._ready,
    LegFailed: Continuity._failed,
    LegEnded: Continuity._ended,
    EndNear: Continuity._end_near,
    Outdated: Continuity._outdated,
    Progress: Continuity._progress,
    Expected: Continuity._expected,
    ReplyDue: Continuity._reply_due,
    ReplyBegan: Continuity._reply_began,
    ReplyOver: Continuity._reply_over,
    CallerSpeaking: Continuity._caller_speaking,
    Tools: Continuity._tools,
    Quiet: Continuity._set_quiet,
    ApologySpoken: Continuity._apology_spoken,
    Tick: Continuity._tick,
}
