"""The legs of one call while it runs: opened, joined, left as :class:`Continuity` says; each in a task of one group."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from mediaserver.bridge import Opening
from mediaserver.clock import Clock
from mediaserver.conversation import steps
from mediaserver.conversation.alarm import Alarm
from mediaserver.conversation.continuity import Continuity
from mediaserver.conversation.leg import Leg, Place
from mediaserver.conversation.record import CallRecord
from mediaserver.conversation.route import Failure, Health
from mediaserver.conversation.steadiness import Steadiness
from mediaserver.errors import BridgeError
from mediaserver.events import Alive, Awaited, Event, GoingAway, Resumable, UsageReported

SENTENCES = {"timeout": "the model did not get ready in time"}

_PROGRESS = steps.Progress()


class Stage(Protocol):
    """What the legs carry: the session. All are plain calls, made one after the other."""

    def take(self, handler: Callable[[Any], None], what: Any) -> None:
        """Handle this when nothing else is being handled."""
        ...

    def opening(self, leg: Leg) -> Opening:
        """Return what a new leg begins with."""
        ...

    def told(self, leg: Leg, event: Event) -> None:
        """Take an event of the leg that serves; not through :meth:`take`."""
        ...

    def sounded(self, event: Event) -> bool:
        """Play an event that is sound and nothing else, of the leg that serves; False when there is more to it."""
        ...

    def switched(self, leg: Leg, reason: steps.Reason) -> None:
        """This leg serves from now on."""
        ...

    def released(self, leg: Leg) -> None:
        """This leg serves on: give it what was held back."""
        ...

    def lost(self, leg: Leg) -> None:
        """The leg that served is gone, and there is no other yet."""
        ...

    def apologise(self, failure: BridgeError) -> None:
        """No provider is left: say so to the caller."""
        ...

    def wait_a_moment(self) -> None:
        """The provider takes its time: let the caller hear something."""
        ...

    def over(self, reason: steps.Ending, failure: BridgeError) -> None:
        """End the call."""
        ...

    def broke(self, defect: Exception) -> None:
        """A defect of ours: end the call."""
        ...


class Crossing:
    """Runs the legs over the places of a route. ``first`` is the leg of the first place, made with the session."""

    def __init__(
        self,
        stage: Stage,
        first: Leg,
        places: Sequence[Place],
        health: Health,
        steadiness: Steadiness,
        record: CallRecord,
        clock: Clock,
    ) -> None:
        self.first = first
        self.serving: Leg | None = None
        self._stage = stage
        self._places = places
        self._record = record
        self._clock = clock
        self._legs = {0: first}
        self._rates = first.capabilities.input_rate, first.capabilities.output_rate
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._failure = BridgeError(SENTENCES["timeout"], code="timeout")
        self._continuity = Continuity(places, health, steadiness)
        self._alarm = Alarm(clock, lambda: self.note(steps.Tick()))
        self._actions: dict[type, Callable[[Any], None]] = {
            steps.Open: self._open,
            steps.Switch: self._switch,
            steps.Hold: lambda action: self._legs[action.leg].outbox.hold(),
            steps.Release: lambda action: stage.released(self._legs[action.leg]),
            steps.Abandon: self._abandon,
            steps.Filler: lambda _: stage.wait_a_moment(),
            steps.Alarm: lambda action: record.note("alarm", place=places[action.place].name, code="unauthorized"),
            steps.Apologise: lambda _: stage.apologise(self._failure),
            steps.EndCall: lambda action: stage.over(action.reason, self._failure),
        }

    async def run(self) -> None:
        """Serve until cancelled."""
        try:
            async with asyncio.TaskGroup() as self._group:
                self.note(steps.Begun())
                await asyncio.get_running_loop().create_future()
        finally:
            self._alarm.stop()
            self._group = None

    def note(self, happening: steps.Happening) -> None:
        """Take what happened, as soon as nothing else is being handled."""
        self._stage.take(self.on, happening)

    def on(self, happening: steps.Happening) -> None:
        """Take what happened, now: for the session's own handlers."""
        for action in self._continuity.on(happening, self._clock()):
            self._actions[type(action)](action)
        self._alarm.set(self._continuity.due)

    # --- what continuity wants ----------------------------------------------------------------------------------------

    def _open(self, action: steps.Open) -> None:
        if self._group is None:
            return
        place = self._places[action.place]
        leg = self._legs.get(action.leg)
        if leg is None or leg.place is not place:  # the first place may be left alone from the start
            leg = self._legs[action.leg] = Leg(action.leg, place, place.make(), *self._rates)
        facts = {"leg": leg.number, "place": place.name, "attempt": action.attempt, "warm": action.warm}
        self._record.note("provider_opened", **facts)
        self._tasks[leg.number] = self._group.create_task(self._serve(leg), name=f"leg {leg.number} {place.name}")

    def _switch(self, action: steps.Switch) -> None:
        leg = self._legs[action.leg]
        self.serving = leg
        self._record.note("provider_joined", leg=leg.number, place=leg.place.name, reason=action.reason)
        self._stage.switched(leg, action.reason)

    def _abandon(self, action: steps.Abandon) -> None:
        leg = self._legs.pop(action.leg, None)
        task = self._tasks.pop(action.leg, None)
        if leg is not None:
            self._left(leg, "abandoned")
        if task is not None:
            task.cancel()

    def _left(self, leg: Leg, why: str) -> None:
        leg.alive = False
        leg.outbox.hold()
        self._record.note("provider_left", leg=leg.number, place=leg.place.name, why=why)
        if self.serving is leg:
            self.serving = None
            self._stage.lost(leg)

    # --- what a leg does ----------------------------------------------------------------------------------------------

    async def _serve(self, leg: Leg) -> None:
        try:
            await leg.bridge.run(
                self._stage.opening(leg),
                lambda event: self._emitted(leg, event),
                lambda: self.note(steps.LegReady(leg.number)),
            )
        except BridgeError as failure:
            self._stage.take(self._failed, (leg, failure))
        except Exception as defect:  # whatever a bridge raises, it is the end of this call and of no other
            self._stage.broke(defect)
        else:
            self._stage.take(self._ended, leg)

    def _failed(self, what: tuple[Leg, BridgeError]) -> None:
        leg, failure = what
        if self._legs.pop(leg.number, None) is None:
            return
        self._failure = failure
        self._left(leg, failure.code)
        self.on(steps.LegFailed(leg.number, Failure.of(failure)))

    def _ended(self, leg: Leg) -> None:
        if self._legs.pop(leg.number, None) is not None:
            leg.alive = False
            self._failure = BridgeError("the provider ended the session", code="provider_closed")
            self.on(steps.LegEnded(leg.number))

    def _emitted(self, leg: Leg, event: Event) -> None:
        """Take an event of a leg; what an abandoned one says still counts for usage."""
        self._record.happened(event, leg.number, leg.place.provider)
        if not leg.alive:
            return
        if isinstance(event, Resumable):
            leg.resumable(event)
        elif self.serving is leg and not self._stage.sounded(event := leg.heard(event)):
            self._stage.take(self._told, (leg, event))

    def _told(self, what: tuple[Leg, Event]) -> None:
        leg, event = what
        if self.serving is not leg:
            return
        if isinstance(event, Awaited):
            self.on(steps.Expected())
        elif not _metered(event):
            self._continuity.on(_PROGRESS, self._clock())  # what is due becomes so later: the alarm may ring early
        if isinstance(event, GoingAway):
            self._record.note("provider_going_away", leg=leg.number, time_left_s=event.time_left_s)
            self.on(steps.EndNear(leg.number, event.time_left_s))
        elif not isinstance(event, Alive | Awaited):
            self._stage.told(leg, event)


def _metered(event: Event) -> bool:
    """Say whether this is what we count by ourselves, and no sign of life."""
    return isinstance(event, UsageReported) and event.usage.source == "metered"
