"""One conversation: joins a Caller and a Bridge, takes the turns, and ends with a reason."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from mediaserver.audio.inbound import Edge
from mediaserver.audio.vad import WebRtcVoice
from mediaserver.bridge import Bridge, Opening
from mediaserver.caller import Caller
from mediaserver.clock import Clock, monotonic
from mediaserver.commands import Command
from mediaserver.conversation.alarm import Alarm
from mediaserver.conversation.conversation import Conversation
from mediaserver.conversation.dialogue import Dialogue
from mediaserver.conversation.listening import MakeVoice
from mediaserver.conversation.outbox import Outbox
from mediaserver.conversation.through import Through
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
)
from mediaserver.settings import Settings

logger = logging.getLogger(__name__)

CLOSE_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one session; times in seconds, ``None`` for no limit.

    ``idle_s``: nobody spoke, typed or was spoken to. ``connect_s``: the bridge has this long to become ready, and that much
    of the caller's first words is kept meanwhile (at most 15 s of sound).
    """

    max_duration_s: float | None = 3600.0
    idle_s: float | None = 300.0
    connect_s: float = 15.0
    max_items: int = 2000
    max_text_bytes: int = 1 << 20


class Talk(Protocol):
    """What goes on between caller and bridge: a dialogue in turns, or everything straight through."""

    @property
    def settings(self) -> Settings:
        """What is in force."""
        ...

    @property
    def state(self) -> str:
        """Where it is, in one word."""
        ...

    @property
    def idle(self) -> bool:
        """Nobody speaks, and no reply is being made or played."""
        ...

    @property
    def due(self) -> float | None:
        """When to tick, monotonic seconds."""
        ...

    def tick(self, now: float) -> None:
        """Do what is due."""
        ...

    def hear(self, pcm: bytes, at: float) -> Edge | None:
        """Take one frame; return the edge of speech in it, if any."""
        ...

    def edge(self, edge: Edge) -> None:
        """Take an edge of speech."""
        ...

    def happened(self, event: Event) -> None:
        """Take an event of the bridge."""
        ...

    def noted(self, event: PlayoutStarted | PlayoutFinished | DigitPressed) -> None:
        """Take what the caller's side reports."""
        ...

    def ask(self, command: Command) -> None:
        """Take a command of the client. Raises RequestError, Unsupported."""
        ...


class Session:
    """Satisfies :class:`mediaserver.caller.Listener`. One TaskGroup, three plain entrances, one end.

    The entrances (``hear``, ``ask``/``note``/``refuse``, the bridge's ``emit``) are plain calls that never raise: a defect
    behind one ends this session with ``internal_error`` and no other. What happens while something is being handled waits
    its turn in ``_waiting``, so that no handler sees another's half-made state.
    """

    def __init__(
        self,
        session_id: str,
        caller: Caller,
        bridge: Bridge,
        settings: Settings,
        limits: Limits | None = None,
        clock: Clock = monotonic,
        *,
        make_voice: MakeVoice = WebRtcVoice,
    ) -> None:
        self.id = session_id
        self.caller = caller
        self.limits = limits or Limits()
        self._bridge = bridge
        self._clock = clock
        self._started_at = self._active_at = clock()
        self._outbox = Outbox(bridge)
        self._plain = bridge.capabilities.turns == "none"
        self._talk = self._joined(settings, make_voice)
        self._alarm = Alarm(clock, self._rung)
        self._waiting: deque[tuple[Callable[[Any], None], Any]] = deque(maxlen=4096)
        self._handling = False
        self._over: asyncio.Future[SessionEnded] | None = None
        self._ended: SessionEnded | None = None
        self.gone = asyncio.Event()  # set by whoever runs the session, when nothing of it is left

    def _joined(self, settings: Settings, make_voice: MakeVoice) -> Talk:
        capabilities, caller = self._bridge.capabilities, self.caller
        if capabilities.turns != "session":
            return Through(caller, settings, self._outbox)
        items = Conversation(max_items=self.limits.max_items, max_bytes=self.limits.max_text_bytes)
        return Dialogue(caller, capabilities, settings, items, self._outbox, self._clock, make_voice)

    # --- its life -----------------------------------------------------------------------------------------------------

    async def run(self) -> SessionEnded:
        """Serve until the call is over and say why. Raises nothing but cancellation."""
        self._over = asyncio.get_running_loop().create_future()
        try:
            self._open()
        except Hangup as hangup:
            self.end(_reason(hangup), hangup.detail)
        except Exception as defect:  # a caller that cannot even be attached is the end of this call and of no other
            self._broke(defect)
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
        return ended

    @property
    def state(self) -> str:
        """Where the conversation is, in one word."""
        return self._talk.state

    @property
    def settings(self) -> Settings:
        """What is in force."""
        return self._talk.settings

    @property
    def age_s(self) -> float:
        """Seconds since the session was made."""
        return self._clock() - self._started_at

    def end(self, reason: EndReason, detail: str = "") -> None:
        """End the session; the first reason counts."""
        if self._ended is None:
            self._ended = SessionEnded(reason, detail)
        if self._over is not None and not self._over.done():
            self._over.set_result(self._ended)

    def _open(self) -> None:
        capabilities = self._bridge.capabilities
        rates = {"hear_rate": capabilities.input_rate, "play_rate": capabilities.output_rate}
        self.caller.attach(self, **rates, live=capabilities.live_output)
        limit = self.limits.max_duration_s
        expires_at = None if limit is None else int(time.time() + limit)
        self.tell(SessionCreated(self.id, self.settings, expires_at))
        if self._ended is not None:
            self.end(self._ended.reason, self._ended.detail)
        self._arm()

    async def _call(self) -> None:
        try:
            await self.caller.run()
        except Hangup as hangup:
            self.end(_reason(hangup), hangup.detail)
        except Exception as defect:  # whatever a transport raises, it is the end of this call and of no other
            self._broke(defect)
        else:
            self.end("client_closed")

    async def _cross(self) -> None:
        emit = self._echoed if self._plain else self._emit
        try:
            await self._bridge.run(Opening(self.settings), emit, self._bridge_ready)
        except BridgeError as failure:
            self.tell(Problem(failure.message, failure.code, "server_error"))
            self.end("provider_error", failure.message)
        except Exception as defect:  # as above
            self._broke(defect)
        else:
            self.end("provider_closed")

    async def _say_goodbye(self, ended: SessionEnded) -> None:
        try:
            self.tell(ended)
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await self.caller.close(ended.reason)
        except TimeoutError:
            logger.warning("caller %s did not close in %s s", self.caller.id, CLOSE_WITHIN_S)
        except Exception as defect:  # the call is over all the same
            logger.warning("caller %s did not close cleanly: %s", self.caller.id, type(defect).__name__)

    def _broke(self, defect: Exception) -> None:
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
            edge = self._talk.hear(pcm, at)
            if edge is not None:
                self._active_at = at
                self._take(self._talk.edge, edge)
        except Exception as defect:  # an entrance never raises: the caller's loop serves other calls too
            self._broke(defect)

    def ask(self, command: Command) -> None:
        """Take a command of the client."""
        self._active_at = self._clock()
        self._take(self._asked, command)

    def note(self, event: PlayoutStarted | PlayoutFinished | DigitPressed) -> None:
        """Take what the caller's side reports."""
        self._active_at = self._clock()
        self._take(self._talk.noted, event)

    def refuse(self, message: str, code: str, event_id: str | None, param: str | None = None) -> None:
        """Tell the client that what it sent is no command."""
        self.tell(Problem(message, code, param=param, client_event_id=event_id))

    def tell(self, event: Event) -> None:
        """Tell the client; one that does not keep up with its own events is hung up."""
        try:
            self.caller.tell(event)
        except Hangup as hangup:
            self.end(_reason(hangup), hangup.detail)

    def _emit(self, event: Event) -> None:
        self._active_at = self._clock()
        self._take(self._talk.happened, event)

    def _echoed(self, event: Event) -> None:
        """Take sound of a bridge without turns straight to the loudspeaker."""
        if type(event) is AudioDelta:
            self.caller.play(event.item_id, event.pcm)
        else:
            self._take(self.tell, event)

    def _bridge_ready(self) -> None:
        self._take(self._flush, None)

    def _rung(self) -> None:
        self._take(self._tend, None)

    def _take(self, handler: Callable[[Any], None], what: Any) -> None:
        """Handle one thing after the other, in the order in which they came."""
        self._waiting.append((handler, what))
        if self._handling or self._ended is not None:
            return
        self._handling = True
        try:
            while self._waiting:
                handler, what = self._waiting.popleft()
                handler(what)
            self._arm()
        except Hangup as hangup:
            self.end(_reason(hangup), hangup.detail)
        except Exception as defect:  # an entrance never raises
            self._broke(defect)
        finally:
            self._handling = False

    def _asked(self, command: Command) -> None:
        try:
            self._talk.ask(command)
        except RequestError as refused:
            self.tell(Problem(refused.message, refused.code, refused.type, refused.param, command.event_id))
        except Unsupported as refused:
            self.tell(Problem(refused.message, refused.code, client_event_id=command.event_id))

    def _flush(self, _: None) -> None:
        for problem in self._outbox.open():
            self.tell(Problem(problem.message, problem.code))

    # --- time ---------------------------------------------------------------------------------------------------------

    def _arm(self) -> None:
        waits = [self._talk.due, *self._limits_due()]
        self._alarm.set(min((wait for wait in waits if wait is not None), default=None))

    def _limits_due(self) -> list[float | None]:
        limits, start = self.limits, self._started_at
        return [
            None if limits.max_duration_s is None else start + limits.max_duration_s,
            None if limits.idle_s is None or self._plain else self._active_at + limits.idle_s,
            None if self._outbox.ready else start + limits.connect_s,
        ]

    def _tend(self, _: None) -> None:
        now = self._clock()
        over, idle, connect = (wait is not None and now >= wait for wait in self._limits_due())
        if over:
            self.end("max_duration")
        if connect:
            self.tell(Problem("the model did not get ready in time", "provider_error", "server_error"))
            self.end("provider_error", "not ready in time")
        if idle and self._talk.idle:
            self.end("idle", "nobody spoke")
        elif idle:
            self._active_at = now
        self._talk.tick(now)


def _reason(hangup: Hangup) -> EndReason:
    return hangup.reason  # type: ignore[return-value]  # errors.py cannot import events.py, which defines the reasons
