"""One conversation: joins a Caller and a Bridge, takes the turns, and ends with a reason."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mediaserver.audio.inbound import Edge
from mediaserver.audio.levels import SILENCE_DB
from mediaserver.audio.vad import WebRtcVoice
from mediaserver.bridge import Bridge
from mediaserver.caller import Caller
from mediaserver.clock import FRAME_MS, Clock, monotonic, new_id
from mediaserver.commands import Command, UpdateSession
from mediaserver.conversation.alarm import Alarm
from mediaserver.conversation.asking import ask
from mediaserver.conversation.conversation import Conversation, with_text
from mediaserver.conversation.heard import Ledger
from mediaserver.conversation.limits import Limits
from mediaserver.conversation.listening import Listening, MakeVoice
from mediaserver.conversation.measure import Stopwatch
from mediaserver.conversation.outbox import Outbox
from mediaserver.conversation.replies import Replies, Reply
from mediaserver.conversation.turn import (
    Action,
    Answer,
    Begin,
    Commit,
    Committed,
    Drop,
    GiveUpWaiting,
    Happening,
    Interrupt,
    Pause,
    ReplyMade,
    ReplyOver,
    Resume,
    Tick,
    Turn,
    Words,
)
from mediaserver.errors import BadRequest, BridgeError, Hangup, RequestError, Unsupported
from mediaserver.events import (
    AudioDelta,
    DigitPressed,
    EndReason,
    Event,
    InputCommitted,
    InputTimedOut,
    ItemAdded,
    ItemDone,
    PlayoutFinished,
    PlayoutStarted,
    Problem,
    ResponseDone,
    SessionCreated,
    SessionEnded,
    SessionUpdated,
    SpeechStarted,
    SpeechStopped,
    TranscriptFailed,
    TranscriptFinal,
    TranscriptPartial,
)
from mediaserver.items import Item, Part
from mediaserver.settings import Settings

logger = logging.getLogger(__name__)

CLOSE_WITHIN_S = 5.0
GAP_S = 0.3
"""No frame for this long while the caller speaks: the network took them, and the turn must still come to an end."""


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
        self.settings = settings
        self.limits = limits or Limits()
        self._bridge = bridge
        self._clock = clock
        self._started_at = self._active_at = clock()
        capabilities = bridge.capabilities
        self._takes_turns = capabilities.turns == "session"
        self._plain = capabilities.turns == "none"
        detection = settings.turn_detection if self._takes_turns else None
        self.conversation = Conversation(max_items=self.limits.max_items, max_bytes=self.limits.max_text_bytes)
        self._outbox = Outbox(bridge)
        self._turn = Turn(detection, lambda: new_id("item"))
        always = capabilities.hears == "always"
        self._listening = Listening(
            capabilities.input_rate, detection, self._outbox, always=always, make_voice=make_voice
        )
        ledger = Ledger(capabilities.output_rate)
        self.replies = Replies(self.conversation, caller, self._outbox, ledger, clock, self._turned)
        self._next: Reply | None = None  # waits for transcripts, or for the end of the reply before it
        self._watch: Stopwatch | None = None
        self._frame_at = self._voiced_at = self._started_at
        self._alarm = Alarm(clock, self._rung)
        self._waiting: deque[tuple[Callable[[Any], None], Any]] = deque(maxlen=4096)
        self._handling = False
        self._over: asyncio.Future[SessionEnded] | None = None
        self._ended: SessionEnded | None = None
        self.gone = asyncio.Event()  # set by whoever runs the session, when nothing of it is left

    # --- its life -----------------------------------------------------------------------------------------------------

    async def run(self) -> SessionEnded:
        """Serve until the call is over and say why. Raises nothing but cancellation."""
        self._over = asyncio.get_running_loop().create_future()
        self._open()
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
        """Where the conversation is, in one word (``listening`` of a bridge that takes no turns here)."""
        return self._turn.state if self._takes_turns else "listening"

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
            await self._bridge.run(self.settings, emit, self._bridge_ready)
        except BridgeError as failure:
            self.tell(Problem(failure.message, failure.code, "server_error"))
            self.end("provider_error", failure.message)
        except Exception as defect:  # as above
            self._broke(defect)
        else:
            self.end("provider_closed")

    async def _say_goodbye(self, ended: SessionEnded) -> None:
        self.tell(ended)
        try:
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
            if self._takes_turns:
                self._hear(pcm, at)
            else:
                self._frame_at = self._active_at = at
                self._outbox.hear(pcm)
        except Exception as defect:  # an entrance never raises: the caller's loop serves other calls too
            self._broke(defect)

    def ask(self, command: Command) -> None:
        """Take a command of the client."""
        self._active_at = self._clock()
        self._take(self._asked, command)

    def note(self, event: PlayoutStarted | PlayoutFinished | DigitPressed) -> None:
        """Take what the caller's side reports."""
        self._take(self._noted, event)

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
        self._take(self._happened, event)

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

    # --- time ---------------------------------------------------------------------------------------------------------

    def _arm(self) -> None:
        waits = [self._turn.due, self.replies.due, *self._limits_due()]
        self._alarm.set(min((wait for wait in waits if wait is not None), default=None))

    def _limits_due(self) -> list[float | None]:
        limits, start = self.limits, self._started_at
        return [
            None if limits.max_duration_s is None else start + limits.max_duration_s,
            None if limits.idle_s is None else self._active_at + limits.idle_s,
            None if self._outbox.ready else start + limits.connect_s,
            self._frame_at + GAP_S if self._listening.speaking else None,
        ]

    def _tend(self, _: None) -> None:
        now = self._clock()
        over, idle, connect, gap = (wait is not None and now >= wait for wait in self._limits_due())
        if over:
            self.end("max_duration")
        if connect:
            self.tell(Problem("the model did not get ready in time", "provider_error", "server_error"))
            self.end("provider_error", "not ready in time")
        if idle:
            self._perhaps_idle(now)
        if gap:
            self._fill_gap(now)
        self.replies.tick(now)
        self._turned(Tick())
        self._perhaps_next()

    def _perhaps_idle(self, now: float) -> None:
        if self._takes_turns and self._turn.state != "idle":
            self._active_at = now
        else:
            self.end("idle", "nobody spoke")

    def _fill_gap(self, now: float) -> None:
        """Put silence in the place of sound that did not come, so that the turn ends as if it had been quiet."""
        silence = bytes(self._bridge.capabilities.input_rate * FRAME_MS // 1000 * 2)
        for _ in range(int(GAP_S * 1000) // FRAME_MS):
            edge = self._listening.hear(silence)
            if edge is not None:
                self._edge(edge)
        self._frame_at = now

    # --- the caller's speech ------------------------------------------------------------------------------------------

    def _hear(self, pcm: bytes, at: float) -> None:
        self._frame_at = at
        level = self.replies.level()
        edge = self._listening.hear(pcm, SILENCE_DB if level is None else level)
        if self._listening.voiced_now:
            self._voiced_at = self._active_at = at
        if edge is not None:
            self._take(self._edge, edge)

    def _edge(self, edge: Edge) -> None:
        if self._turn.detection is None:
            self._listening.begin_manual(edge, new_id("item"))
        else:
            self._turned(edge)

    def _turned(self, happening: Happening) -> None:
        for action in self._turn.on(happening, self._clock()):
            self._act(action)

    def _act(self, action: Action) -> None:
        _ACTIONS[type(action)](self, action)

    def _begin(self, action: Begin) -> None:
        self.tell(SpeechStarted(action.item_id, self._listening.begin(action.item_id, action.start_ms)))

    def _commit(self, action: Commit) -> None:
        self._watch = Stopwatch(action.item_id, self._voiced_at)
        self._listening.end(action.item_id)
        self.tell(SpeechStopped(action.item_id, action.end_ms))
        self._committed(action.item_id)

    def _committed(self, item_id: str, transcript: str | None = None) -> None:
        previous = self.conversation.last_id
        self.tell(InputCommitted(item_id, previous))
        item = Item(item_id, role="user", parts=(Part("input_audio", transcript),))
        self.conversation.add(item)
        self.tell(ItemAdded(item, previous))
        if self._watch is not None:
            self._watch.mark("committed", self._clock())

    def _drop(self, action: Drop) -> None:
        self._listening.clear()
        self.tell(SpeechStopped(action.item_id, action.end_ms))

    def _pause(self, _action: Pause) -> None:
        self.replies.pause()

    def _resume(self, _action: Resume) -> None:
        self.replies.resume()

    def _interrupt(self, action: Interrupt) -> None:
        self.replies.interrupt("turn_detected", action.onset)
        self._next = None

    def _answer(self, _action: Answer) -> None:
        if self._next is None:
            self._next, self._watch = Reply(new_id("resp"), self.settings, watch=self._watch), None
        self._perhaps_next()

    def _give_up_waiting(self, action: GiveUpWaiting) -> None:
        item_id, end_ms = new_id("item"), self._listening.clock_ms
        self.tell(InputTimedOut(item_id, self._listening.last_voiced_ms, end_ms))
        self._watch = None
        self._committed(item_id, "")
        self._done_user_item(item_id)
        self._answer(Answer())

    # --- what the bridge says -----------------------------------------------------------------------------------------

    def _happened(self, event: Event) -> None:
        row = _EVENTS.get(type(event)) if self._takes_turns else None
        if row is not None:
            row(self, event)
        elif self._takes_turns and self.replies.happened(event):
            if type(event) is ResponseDone:
                self._perhaps_next()
        elif isinstance(event, AudioDelta):
            self.caller.play(event.item_id, event.pcm)
        else:
            self.tell(event)

    def _partial(self, event: TranscriptPartial) -> None:
        self.tell(event)
        self._turned(Words(event.item_id, event.text, final=False))

    def _final(self, event: TranscriptFinal) -> None:
        self._written(event.item_id, event.text)
        self.tell(event)
        self._done_user_item(event.item_id)
        self._turned(Words(event.item_id, event.text, final=True))
        self._perhaps_next()

    def _failed(self, event: TranscriptFailed) -> None:
        self._written(event.item_id, "")
        self.tell(event)
        self._done_user_item(event.item_id)
        self._turned(Words(event.item_id, "", final=True))
        self._perhaps_next()

    def _written(self, item_id: str, text: str) -> None:
        item = self.conversation.find(item_id)
        if item is not None:
            self.conversation.replace(with_text(item, text))
        if self._watch is not None and self._watch.item_id == item_id:
            self._watch.mark("transcript", self._clock())

    def _done_user_item(self, item_id: str) -> None:
        item = self.conversation.find(item_id)
        if item is not None:
            self.tell(ItemDone(item, self.conversation.before(item_id)))

    def _flush(self, _: None) -> None:
        for problem in self._outbox.open():
            self.tell(Problem(problem.message, problem.code))

    def _noted(self, event: PlayoutStarted | PlayoutFinished | DigitPressed) -> None:
        if isinstance(event, PlayoutStarted):
            self.replies.started(event)
        elif isinstance(event, PlayoutFinished):
            self._active_at = self._clock()
            self.replies.finished(event)
            self._perhaps_next()
        else:
            self.tell(event)

    # --- the next reply -----------------------------------------------------------------------------------------------

    def want(self, reply: Reply) -> None:
        """Make this reply as soon as what was said is written down; raises BadRequest while another is being made."""
        if self.replies.busy or self._next is not None:
            code = "conversation_already_has_active_response"
            raise BadRequest("another response is being made: wait for response.done", code=code)
        if not self._bridge.capabilities.text_output and reply.settings.output_modalities == ("text",):
            raise Unsupported("the model behind this call does not write: output_modalities must be audio")
        self._next = reply
        if not reply.out_of_band:
            reply.watch = self._watch_for_request()
            self._turned(ReplyMade())
        self._perhaps_next()

    def _watch_for_request(self) -> Stopwatch:
        """Go on with the turn that asks for this reply: one that called a function, one just committed, or a typed one."""
        active = self.replies.last_called
        if active is not None and active.watch is not None:
            return active.watch
        watch, self._watch = self._watch, None
        return watch or Stopwatch(self.conversation.last_id or "", self._clock())

    def _perhaps_next(self) -> None:
        reply = self._next
        if reply is None or self.replies.active is not None or self._turn.pending:
            return
        self._next = None
        try:
            self.replies.ask(reply)
        except Unsupported as problem:
            self.tell(Problem(problem.message, problem.code))
            self._turned(ReplyOver())

    def withdraw(self, response_id: str | None) -> bool:
        """Stop making a reply: the active one, or the one that waits to be made."""
        for reply, stop in ((self.replies.active, self.replies.cancel), (self._next, self._forget_next)):
            if reply is not None and reply.cancelled is None and response_id in (None, reply.id):
                stop()
                return True
        return False

    def _forget_next(self) -> None:
        reply, self._next = self._next, None
        if reply is not None:
            self.replies.never_made(reply)

    # --- what the client asks -----------------------------------------------------------------------------------------

    def _asked(self, command: Command) -> None:
        try:
            if self._takes_turns:
                ask(self, command)
            else:
                self._pass_on(command)
        except RequestError as refused:
            self.tell(Problem(refused.message, refused.code, refused.type, refused.param, command.event_id))
        except Unsupported as refused:
            self.tell(Problem(refused.message, refused.code, client_event_id=command.event_id))

    def _pass_on(self, command: Command) -> None:
        if isinstance(command, UpdateSession):
            self.configure(replace(command.settings, model=self.settings.model))
        else:
            self._outbox.send(command)

    def configure(self, settings: Settings) -> None:
        """Put settings in force."""
        self._outbox.send(UpdateSession(settings=settings))
        self.settings = settings
        if self._takes_turns:
            for action in self._turn.configure(settings.turn_detection):
                self._act(action)
            self._listening.configure(settings.turn_detection)
        self.tell(SessionUpdated(settings))

    def commit(self) -> None:
        """End the caller's turn by hand; raises BadRequest when nothing was said."""
        listening = self._listening
        if not listening.committable:
            raise BadRequest("there is no sound to commit", code="input_audio_buffer_commit_empty")
        item_id = listening.item_id or new_id("item")
        spoke = self._turn.item_id is not None
        self._watch = Stopwatch(item_id, min(self._voiced_at, self._clock()))
        listening.end(item_id)
        if spoke:
            self.tell(SpeechStopped(item_id, listening.clock_ms))
        self._committed(item_id)
        self._turned(Committed(item_id))

    def clear_input(self) -> None:
        """Forget sound that was not committed."""
        for action in self._turn.forget():
            self._act(action)
        self._listening.clear()

    def clear_output(self) -> None:
        """Stop playing, and stop making what would be played."""
        self.replies.interrupt("client_cancelled", self._clock())
        self._turned(ReplyOver())


def _reason(hangup: Hangup) -> EndReason:
    return hangup.reason  # type: ignore[return-value]  # errors.py cannot import events.py, which defines the reasons


_ACTIONS: dict[type, Callable[[Session, Any], None]] = {
    Begin: Session._begin,
    Commit: Session._commit,
    Drop: Session._drop,
    Pause: Session._pause,
    Resume: Session._resume,
    Interrupt: Session._interrupt,
    Answer: Session._answer,
    GiveUpWaiting: Session._give_up_waiting,
}

_EVENTS: dict[type[Event], Callable[[Session, Any], None]] = {
    TranscriptPartial: Session._partial,
    TranscriptFinal: Session._final,
    TranscriptFailed: Session._failed,
}
