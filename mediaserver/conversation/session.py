"""One conversation: joins a Caller and whoever answers it, takes the turns, and ends with a reason."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from mediaserver.audio.hints import Hint
from mediaserver.audio.inbound import Edge
from mediaserver.audio.vad import MakeVoice, WebRtcVoice
from mediaserver.bridge import Bridge, Opening
from mediaserver.caller import Caller
from mediaserver.clock import Clock, earliest, monotonic
from mediaserver.commands import Command, UpdateSession
from mediaserver.conversation import steps
from mediaserver.conversation.alarm import Alarm
from mediaserver.conversation.audience import Audience, Controller
from mediaserver.conversation.conversation import Conversation
from mediaserver.conversation.crossing import Crossing
from mediaserver.conversation.judging import Asks, Judging
from mediaserver.conversation.leg import Leg, Place
from mediaserver.conversation.limits import Limits
from mediaserver.conversation.record import CallRecord
from mediaserver.conversation.standing import Standing
from mediaserver.conversation.steadiness import Steadiness
from mediaserver.conversation.succession import Succession
from mediaserver.conversation.supervision import Supervision
from mediaserver.conversation.support import Once, Support, end_tape, places_of
from mediaserver.conversation.talk import Talk
from mediaserver.conversation.tools import ToolLedger
from mediaserver.conversation.toolwork import ToolWork
from mediaserver.errors import BridgeError, Hangup, RequestError, Unsupported
from mediaserver.events import (
    AudioDelta,
    DigitPressed,
    EndReason,
    Event,
    PlayoutFinished,
    PlayoutStarted,
    Problem,
    SessionCreated,
    SessionEnded,
    SessionUpdated,
    ToolCalled,
    ToolsCancelled,
    UsageReported,
)
from mediaserver.settings import Settings

logger = logging.getLogger(__name__)

CLOSE_WITHIN_S = 5.0

SETTLE_S = 0.5
"""A provider that is configured once, when it is opened, is opened this long after the call began: clients say only then
how they want it (``session.update`` follows ``session.created``)."""

REOPEN_S = 3.0
"""A provider that must be opened anew for other settings is left at the next turn boundary, at the latest after this.
At a turn boundary it is told nothing more: what follows the settings is said to the session that has them."""


class Session:
    """Satisfies :class:`mediaserver.caller.Listener`. One TaskGroup, three plain entrances, one end.

    ``route`` are the places that carry the conversation, the first one first, or one bridge. The entrances (``hear``,
    ``ask``/``note``/``refuse``, a bridge's ``emit``) are plain calls that never raise: a defect behind one ends this session
    with ``internal_error`` and no other. What happens while something is being handled waits its turn in ``_waiting``, so
    that no handler sees another's half-made state.
    """

    def __init__(
        self,
        session_id: str,
        caller: Caller,
        route: Bridge | Sequence[Place],
        settings: Settings,
        limits: Limits | None = None,
        clock: Clock = monotonic,
        *,
        make_voice: MakeVoice = WebRtcVoice,
        judge: Asks | None = None,
        support: Support | None = None,
    ) -> None:
        self.id = session_id
        self.caller = caller
        self.limits = limits or Limits()
        self.record = CallRecord(clock)
        self._clock = clock
        self._support = support or Support()
        self._started_at = self._active_at = clock()
        places, bridge = places_of(route)
        self._plain = bridge.capabilities.turns == "none"
        self._audience = Audience(caller, self._left_behind, self._seen, self._support.phrases)
        self._supervision = Supervision(self._audience, self.record, self._ask_for)
        rates = bridge.capabilities.input_rate, bridge.capabilities.output_rate
        self._audience.hear_rate, self._audience.rate = rates
        self._tape = self._support.tape(caller.id, *rates, self._started_at)
        self._quieter = self._support.quieter(rates[0], bridge.capabilities.can)
        leg = Leg(0, places[0], bridge, *rates)
        self.conversation = items = Conversation(max_items=self.limits.max_items, max_bytes=self.limits.max_text_bytes)
        self._tools = self._make_tools(items)
        settings = self._tools.offered(settings)
        judging = None if judge is None else Judging(judge, rates[0], self.take)
        shared = (self._audience, items, self.record, clock, make_voice, self._reopen)
        self._succession = Succession(leg, settings, *shared, judging)
        carried = (self._support.health or Once(), self._steadiness(route), self.record, clock)
        self._crossing = Crossing(self, leg, places, *carried)
        self._alarm = Alarm(clock, lambda: self.take(self._tend, None))
        self._waiting: deque[tuple[Callable[[Any], None], Any]] = deque(maxlen=8192)
        self._handling = False
        self._standing = Standing()
        self._settled = asyncio.Event()
        self._goodbye: str | None = None
        self._over: asyncio.Future[SessionEnded] | None = None
        self._ended: SessionEnded | None = None
        self.gone = asyncio.Event()  # set by whoever runs the session, when nothing of it is left

    def _steadiness(self, route: Bridge | Sequence[Place]) -> Steadiness:
        steadiness = replace(self._support.steadiness, begin_s=self.limits.connect_s)
        return steadiness if isinstance(route, Sequence) else replace(steadiness, attempts=1)

    def _make_tools(self, items: Conversation) -> ToolWork:
        support = self._support
        ledger = ToolLedger(support.filler)
        shared = (lambda: self._talk, self.take, self.record, self._clock, self.id)
        return ToolWork(ledger, support.tools, self._audience, items, *shared)

    # --- its life -----------------------------------------------------------------------------------------------------

    async def run(self) -> SessionEnded:
        """Serve until the call is over and say why. Raises nothing but cancellation."""
        self._over = asyncio.get_running_loop().create_future()
        try:
            self._open()
        except Hangup as hangup:
            self.end(_reason(hangup), hangup.detail)
        except Exception as defect:  # a caller that cannot even be attached is the end of this call and of no other
            self.broke(defect)
        try:
            async with asyncio.TaskGroup() as tasks:
                calling = tasks.create_task(self._call(), name=f"call {self.caller.id}")
                bridging = tasks.create_task(self._cross(), name=f"bridge {self.caller.id}")
                ended = await self._over
                bridging.cancel()
                await self._say_goodbye(ended)
                calling.cancel()
        finally:
            self._alarm.stop()
            self._supervision.over()
            end_tape(self._tape, self.record, self._clock())
            if self._ended is not None:
                self.record.ended(self._ended)
        return ended

    @property
    def state(self) -> str:
        """Where the conversation is, in one word."""
        return "taken_over" if self._supervision.holder is not None else self._talk.state

    @property
    def settings(self) -> Settings:
        """What is in force, as clients know it."""
        return self._tools.shown(self._talk.settings)

    @property
    def play_rate(self) -> int:
        """The rate of what is played to the caller, in Hz."""
        return self._audience.rate

    @property
    def age_s(self) -> float:
        """Seconds since the session was made."""
        return self._clock() - self._started_at

    @property
    def _talk(self) -> Talk:
        return self._succession.talk

    def end(self, reason: EndReason, detail: str = "") -> None:
        """End the session; the first reason counts."""
        if self._ended is None:
            self._ended = SessionEnded(reason, detail)
        if self._over is not None and not self._over.done():
            self._over.set_result(self._ended)

    def _open(self) -> None:
        first = self._crossing.first.capabilities
        self._audience.keep_packets(first.input_codec)
        rates = {"hear_rate": self._audience.hear_rate, "play_rate": self._audience.rate}
        self.caller.attach(self, **rates, live=first.live_output, tap=self._tape.played if self._tape else None)
        self.tell(self._greeting())
        for sentence in self._succession.complaints(self.settings):
            self.tell(_unsupported(sentence))
        if self._ended is not None:
            self.end(self._ended.reason, self._ended.detail)
        self._arm()

    def _greeting(self) -> SessionCreated:
        limit = self.limits.max_duration_s
        expires_at = None if limit is None else int(time.time() + limit - self.age_s)
        return SessionCreated(self.id, self.settings, expires_at)

    async def _call(self) -> None:
        try:
            await self.caller.run()
        except Hangup as hangup:
            self.end(_reason(hangup), hangup.detail)
        except Exception as defect:  # whatever a transport raises, it is the end of this call and of no other
            self.broke(defect)
        else:
            self.end("client_closed")

    async def _cross(self) -> None:
        capabilities = self._crossing.first.capabilities
        if capabilities.turns == "provider" and "instructions" not in capabilities.changes:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SETTLE_S):
                    await self._settled.wait()
        async with asyncio.TaskGroup() as working:
            self._tools.begin(working)
            await self._crossing.run()

    async def _say_goodbye(self, ended: SessionEnded) -> None:
        try:
            self.tell(ended)
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await self.caller.close(ended.reason)
        except TimeoutError:
            logger.warning("caller %s did not close in %s s", self.caller.id, CLOSE_WITHIN_S)
        except Exception as defect:  # the call is over all the same
            logger.warning("caller %s did not close cleanly: %s", self.caller.id, type(defect).__name__)

    def broke(self, defect: Exception) -> None:
        """End with ``internal_error``; one line without content: an exception's text may hold what somebody said."""
        place = defect.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = "" if place is None else f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}"
        logger.error("session %s ended by a defect: %s at %s", self.id, type(defect).__name__, where)
        self.end("internal_error")

    # --- entrances ----------------------------------------------------------------------------------------------------

    def hear(self, pcm: bytes, at: float) -> None:
        """Take one 20 ms frame of the caller."""
        if self._ended is not None:
            return
        try:
            if self._tape is not None:
                self._tape.heard(pcm, self._clock())
            pcm = self._quieter.feed(pcm, self._talk.settings.noise_reduction)
            if self._audience.controllers and not self._supervision.hear(pcm):
                return
            if not self._plain:
                self._succession.hear(pcm)
            edge = self._talk.hear(pcm, at)
            if edge is not None:
                self._active_at = at
                self.take(self._edge, edge)
        except Exception as defect:  # an entrance never raises: the caller's loop serves other calls too
            self.broke(defect)

    def ask(self, command: Command) -> None:
        """Take a command of the client."""
        self._active_at = self._clock()
        self.take(self._asked, command)

    def note(self, event: PlayoutStarted | PlayoutFinished | DigitPressed) -> None:
        """Take what the caller's side reports."""
        self._active_at = self._clock()
        self.take(self._noted, event)

    def refuse(self, message: str, code: str, event_id: str | None, param: str | None = None) -> None:
        """Tell the client that what it sent is no command."""
        self.caller.tell(Problem(message, code, param=param, client_event_id=event_id))

    def tell(self, event: Event) -> None:
        """Tell everyone; a client that does not keep up with its own events is hung up."""
        try:
            self._audience.tell(event)
        except Hangup as hangup:
            self.end(_reason(hangup), hangup.detail)

    def take(self, handler: Callable[[Any], None], what: Any) -> None:
        """Handle one thing after the other, in the order in which they came."""
        if self._ended is not None:
            return
        self._waiting.append((handler, what))
        if self._handling:
            return
        self._handling = True
        try:
            while self._waiting:
                handler, what = self._waiting.popleft()
                handler(what)
                if not self._waiting and not self._plain:
                    changes = self._standing.changes(self._talk, self._tools.ledger.busy)
                    self._waiting.extend((self._crossing.on, step) for step in changes)
            self._arm()
        except Hangup as hangup:
            self.end(_reason(hangup), hangup.detail)
        except Exception as defect:  # an entrance never raises
            self.broke(defect)
        finally:
            self._handling = False

    # --- handlers: one at a time --------------------------------------------------------------------------------------

    def _edge(self, edge: Edge | Hint) -> None:
        self._talk.edge(edge)

    def _noted(self, event: PlayoutStarted | PlayoutFinished | DigitPressed) -> None:
        self._audience.noted(event)
        if isinstance(event, PlayoutFinished) and event.item_id == self._goodbye:
            self._crossing.on(steps.ApologySpoken())
        else:
            self._talk.noted(event)

    def _asked(self, command: Command) -> None:
        problem = self._attempt(command)
        if problem is not None:
            self.caller.tell(problem)

    def _attempt(self, command: Command) -> Problem | None:
        """Do what is asked and return what is wrong with it, if anything."""
        complaint = None
        try:
            if isinstance(command, UpdateSession):
                complaint = self._succession.check_tools(command.settings.tools)
                command = replace(command, settings=self._tools.offered(command.settings))
            if self._tools.asked(command):
                self._talk.ask(command)
        except RequestError as refused:
            return Problem(refused.message, refused.code, refused.type, refused.param, command.event_id)
        except Unsupported as refused:
            return _unsupported(refused.message, command.event_id)
        finally:
            self._settled.set()
        return None if complaint is None else _unsupported(complaint, command.event_id)

    def _seen(self, event: Event) -> Event | None:
        """Take what is being told, and return what the caller's client is to know of it."""
        self._succession.seen(event)
        if not self._plain:
            self.take(self._tools.seen, event)
        if isinstance(event, SessionUpdated):
            return replace(event, settings=self._tools.shown(event.settings))
        return None if self._tools.hides(event) else event

    # --- what the legs say: see Crossing ------------------------------------------------------------------------------

    def opening(self, leg: Leg) -> Opening:
        """Return what a leg begins with."""
        return replace(self._succession.opening(leg), remember=self._support.remember)

    def sounded(self, event: Event) -> bool:
        """Play what an echo says: it is owed by nobody, so there is nothing to watch and to be woken for."""
        if not self._plain or self._ended is not None or type(event) is not AudioDelta or event.packets:
            return False
        try:
            self._audience.play(event.item_id, event.pcm)
        except Hangup as hangup:
            self.end(_reason(hangup), hangup.detail)
        return True

    def told(self, _leg: Leg, event: Event) -> None:
        """Take an event of the leg that serves."""
        self._active_at = self._clock()
        if isinstance(event, ToolsCancelled):
            self._tools.cancelled(event)
        elif not isinstance(event, UsageReported) and not self._supervision.mutes(event):
            actions = self._tools.called(event) if isinstance(event, ToolCalled) else []
            self._talk.happened(event)
            self._tools.do(actions)

    def switched(self, leg: Leg, reason: steps.Reason) -> None:
        """This leg serves from now on."""
        if leg is self._crossing.first:
            self._succession.begun(leg)
            return
        self._tools.moved()
        self._succession.switched(leg, again=reason != "rotation")

    def released(self, leg: Leg) -> None:
        """This leg serves on: give it what was held back."""
        self._succession.released(leg)

    def lost(self, _leg: Leg) -> None:
        """Nobody answers at this moment."""
        self._succession.lost()

    def wait_a_moment(self) -> None:
        """Let the caller hear that something is being done."""
        self._audience.say(self._support.moment, "phrase")

    def apologise(self, failure: BridgeError) -> None:
        """Say to the caller that nobody can answer; the call ends when that was heard."""
        self.tell(Problem(failure.message, failure.code, "server_error"))
        self._audience.clear()
        self._goodbye = self._audience.say(self._support.apology, "phrase")
        self.record.note("apologised", code=failure.code, spoken=self._goodbye is not None)
        if self._goodbye is None:
            self.take(self._crossing.on, steps.ApologySpoken())

    def over(self, reason: steps.Ending, failure: BridgeError) -> None:
        """End the call."""
        self.end(reason, failure.message if reason == "provider_error" else "")

    def _reopen(self, settings: Settings, *, fresh: bool = False) -> None:
        """The provider cannot change these in mid-session: go on with a new session of it."""
        serving = self._crossing.serving
        if serving is not None:  # one that is being opened is looked at when it is ready
            self.record.note("reopening", voice=settings.voice, tools=len(settings.tools))
            self.take(self._crossing.on, steps.Outdated(serving.number, REOPEN_S, fresh))

    # --- who else takes part: see Supervision -------------------------------------------------------------------------

    def attach(self, controller: Controller) -> None:
        """Let a second party take part; :meth:`catch_up` is what it is told first. Raises Overloaded."""
        self._supervision.attach(controller)

    def detach(self, controller: Controller) -> None:
        """It takes part no more."""
        self._supervision.detach(controller)

    def catch_up(self) -> list[Event]:
        """Return what a newcomer is told first."""
        return [self._greeting()]

    def controlled(self, controller: Controller, command: Command) -> None:
        """Take a command of a second party; what is wrong with it is told to that party alone."""
        self._active_at = self._clock()
        self._audience.asked(command.event_id, controller)
        self.record.note("controlled", controller=controller.name, command=type(command).__name__)
        self._ask_for(controller, command)

    def _ask_for(self, controller: Controller, command: Command) -> None:
        def attempt(_: None) -> None:
            problem = self._attempt(command)
            if problem is not None:
                self._audience.tell_one(controller, problem)

        self.take(attempt, None)

    def whisper(self, controller: Controller, text: str, respond: bool) -> None:
        """Tell the model something that the caller does not hear."""
        self._supervision.whisper(controller, text, respond=respond)

    def take_over(self, controller: Controller) -> None:
        """Speak with the caller in the model's place. Raises BadRequest when another one does."""
        self._supervision.take_over(controller)

    def speak(self, controller: Controller, pcm: bytes) -> None:
        """Say this to the caller, PCM16 mono at :attr:`play_rate`. Raises BadRequest unless the call was taken over."""
        self._active_at = self._clock()
        self._supervision.speak(controller, pcm)

    def hand_back(self, controller: Controller) -> None:
        """Let the model go on. Raises BadRequest unless the call was taken over."""
        self._supervision.hand_back(controller)

    def _left_behind(self, controller: Controller) -> None:
        """A controller did not keep up."""
        self.record.note("controller_too_slow", controller=controller.name)
        self.take(self._supervision.detach, controller)

    # --- time ---------------------------------------------------------------------------------------------------------

    def _limits_due(self) -> tuple[float | None, float | None]:
        return self.limits.due(self._started_at, None if self._plain else self._active_at)

    def _arm(self) -> None:
        self._alarm.set(earliest(self._talk.due, self._tools.due, *self._limits_due()))

    def _tend(self, _: None) -> None:
        now = self._clock()
        over, idle = (due is not None and now >= due for due in self._limits_due())
        if over:
            self.end("max_duration")
        if idle and self._talk.idle:
            self.end("idle", "nobody spoke")
        elif idle:
            self._active_at = now
        self._talk.tick(now)
        self._tools.tick(now)


def _unsupported(sentence: str, event_id: str | None = None) -> Problem:
    return Problem(sentence, "unsupported_by_provider", client_event_id=event_id)


def _reason(hangup: Hangup) -> EndReason:
    return hangup.reason  # type: ignore[return-value]  # errors.py cannot import events.py, which defines the reasons
