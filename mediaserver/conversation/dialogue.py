"""The conversation itself: what the caller says becomes turns, turns become replies, replies are heard or cut short."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mediaserver.audio.hints import Hint
from mediaserver.audio.inbound import Edge, Offset
from mediaserver.audio.levels import SILENCE_DB
from mediaserver.audio.vad import MakeVoice, WebRtcVoice
from mediaserver.bridge import Capabilities
from mediaserver.caller import Loudspeaker
from mediaserver.clock import FRAME_MS, Clock, earliest, new_id
from mediaserver.commands import Command, DropPrepared, PauseSpeech, Prepare, ResumeSpeech, UpdateSession
from mediaserver.conversation.asking import ask
from mediaserver.conversation.conversation import Conversation
from mediaserver.conversation.foresight import Foresight, Guess
from mediaserver.conversation.heard import Ledger
from mediaserver.conversation.judging import Judging
from mediaserver.conversation.listening import Listening
from mediaserver.conversation.measure import Stopwatch
from mediaserver.conversation.openings import Openings
from mediaserver.conversation.outbox import Outbox
from mediaserver.conversation.replies import Replies, Reply
from mediaserver.conversation.talk import Owes
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
    Judged,
    Pause,
    ReplyMade,
    ReplyOver,
    Resume,
    Tick,
    Turn,
    Words,
)
from mediaserver.errors import BadRequest, Unsupported
from mediaserver.events import (
    DigitPressed,
    Event,
    InputCommitted,
    InputTimedOut,
    ItemAdded,
    ItemDone,
    PlayoutFinished,
    PlayoutStarted,
    Problem,
    SessionUpdated,
    SpeechStarted,
    SpeechStopped,
    TranscriptFailed,
    TranscriptFinal,
    TranscriptPartial,
)
from mediaserver.items import Item, Part
from mediaserver.settings import Settings

GAP_S = 0.3
"""No frame for this long while the caller speaks: the network took them, and the turn must still come to an end."""


class Dialogue:
    """Satisfies :class:`mediaserver.conversation.talk.Talk` for bridges whose turns we take.

    Plain calls, one after the other (never one inside another); raises what is no request's fault.
    """

    def __init__(
        self,
        caller: Loudspeaker,
        capabilities: Capabilities,
        settings: Settings,
        conversation: Conversation,
        outbox: Outbox,
        clock: Clock,
        make_voice: MakeVoice = WebRtcVoice,
        *,
        replies: Replies | None = None,
        judging: Judging | None = None,
    ) -> None:
        self.settings = settings
        self.conversation = conversation
        self._caller = caller
        self._capabilities = capabilities
        self._outbox = outbox
        self._clock = clock
        detection = settings.turn_detection
        self._turn = Turn(detection, lambda: new_id("item"))
        ledger = Ledger(capabilities.output_rate)
        self.replies = replies or Replies(self.conversation, caller, outbox, ledger, clock, self._turned)
        self.replies.rejoin(outbox, self._turned, None)
        self.replies.openings = Openings(capabilities.output_rate)
        self._listening = Listening(
            capabilities.input_rate,
            detection,
            outbox,
            always=capabilities.hears == "always",
            make_voice=make_voice,
            lately=self.replies.lately,
            play_rate=capabilities.output_rate,
        )
        self._next: list[
            Reply
        ] = []  # wait for transcripts or for the reply before: one in band, one out of band at most
        self._watch: Stopwatch | None = None
        self._judging = judging
        self._foresight = Foresight()
        self._began_ms = 0  # the first voiced sample of the caller's turn, on the clock of the sound
        self._frame_at = self._voiced_at = clock()
        self._asked = False  # the reply had just asked a question when the caller began to speak

    @property
    def state(self) -> str:
        """``idle``, ``speaking``, ``deciding``, ``replying`` or ``paused``."""
        return self._turn.state

    @property
    def idle(self) -> bool:
        """Nobody speaks and nothing is being made or played."""
        return self._turn.state == "idle" and not self._next

    @property
    def speaking(self) -> bool:
        """The caller speaks."""
        return self._listening.speaking

    @property
    def owes(self) -> Owes:
        """Nobody needs to watch over the chain: each of its steps has a deadline of its own."""
        return "nothing"

    @property
    def answers_outputs(self) -> bool:
        """The model answers when it is asked."""
        return False

    def pending(self) -> list[Reply]:
        """Return and forget what was asked for and not begun: whoever goes on with the call is to answer it."""
        pending, self._next = self._next, []
        return pending

    def leave(self) -> None:
        """Another one goes on: end what the client was told of the caller's speech, and let a held reply play."""
        for action in self._turn.leave():
            self._act(action)

    def go_on(self, instruction: str) -> None:
        """Answer after a failover: ``instruction`` is for the model alone, and no part of the conversation."""
        told = Item(new_id("item"), role="system", parts=(Part("input_text", instruction),))
        self._next.append(Reply(new_id("resp"), self.settings, input=(*self.conversation.snapshot(), told)))
        self._perhaps_next()

    def give_output(self, item: Item, *, foreign: bool) -> None:
        """The model is told of it with the next request: it is in the conversation."""

    @property
    def due(self) -> float | None:
        """When :meth:`tick` has something to do, monotonic seconds."""
        gap = self._frame_at + GAP_S if self._listening.speaking else None
        return earliest(self._turn.due, self.replies.due, gap)

    def tick(self, now: float) -> None:
        """Do what is due."""
        if self._listening.speaking and now >= self._frame_at + GAP_S:
            self._fill_gap(now)
        self.replies.tick(now)
        self._turned(Tick())
        self._perhaps_next()

    def tell(self, event: Event) -> None:
        """Tell the client."""
        self._caller.tell(event)

    def ask(self, command: Command) -> None:
        """Do what a client asks. Raises RequestError, Unsupported."""
        ask(self, command)

    # --- the caller's speech ------------------------------------------------------------------------------------------

    def hear(self, pcm: bytes, at: float) -> Edge | Hint | None:
        """Take one frame; an edge of speech that it makes certain is for :meth:`edge`, when nothing else is going on."""
        self._frame_at = at
        level = self.replies.level()
        edge = self._listen(pcm, SILENCE_DB if level is None else level)
        if self._listening.voiced_now:
            self._voiced_at = at
        quiet_ms = (
            self._listening.clock_ms - self._listening.last_voiced_ms
        )  # frames come a little late, or two at once
        if self._listening.speaking and self._foresight.quiet(quiet_ms / 1000):
            self._pause_heard()
        if self._listening.guard.loss_db is not None:
            self.replies.openings = None
        return edge

    def _listen(self, pcm: bytes, played: float) -> Edge | Hint | None:
        if self._judging is not None:
            self._judging.hear(pcm)
        return self._listening.hear(pcm, played)

    def _fill_gap(self, now: float) -> None:
        """Put silence in the place of sound that did not come, so that the turn ends as if it had been quiet."""
        silence = bytes(self._capabilities.input_rate * FRAME_MS // 1000 * 2)
        for _ in range(int(GAP_S * 1000) // FRAME_MS):
            edge = self._listen(silence, SILENCE_DB)
            if edge is not None:
                self.edge(edge)
        self._frame_at = now

    def edge(self, edge: Edge | Hint) -> None:
        """Speech started or stopped, or may have started."""
        if self._turn.detection is None:
            self._listening.begin_manual(edge, new_id("item"))
        else:
            self._turned(edge)
        if isinstance(edge, Offset) and self._judging is not None and self._turn.waiting:
            turn_ms = self._listening.clock_ms - self._began_ms
            self._judging.ask(turn_ms, lambda complete: self._turned(Judged(edge.end_ms, complete)))

    def _pause_heard(self) -> None:
        """The voice has become quiet, or is heard again."""
        item_id = self._listening.item_id
        if self._capabilities.prepares and item_id is not None:
            self._outbox.send((PauseSpeech if self._foresight.paused else ResumeSpeech)(item_id=item_id))
            self._foresee()

    def _foresee(self) -> None:
        """Have the answer to what the caller seems to have said begun, or thrown away."""
        if not self._capabilities.prepares or self._busy:
            return
        changed = self._foresight.changed()
        if changed is not None:
            [guess] = changed
            prepare = None if guess is None else Prepare(settings=self.settings, items=self._foreseen(guess))
            self._outbox.send(prepare or DropPrepared())

    @property
    def _busy(self) -> bool:
        detection = self.settings.turn_detection
        return self.replies.active is not None or bool(self._next) or detection is None or not detection.create_response

    def _foreseen(self, guess: Guess) -> tuple[Item, ...]:
        said = Item(guess.item_id, role="user", parts=(Part("input_audio", guess.text),))
        items = self.conversation.snapshot()
        if all(item.id != guess.item_id for item in items):
            return (*items, said)
        return tuple(said if item.id == guess.item_id else item for item in items)

    def _turned(self, happening: Happening) -> None:
        for action in self._turn.on(happening, self._clock()):
            self._act(action)

    def _act(self, action: Action) -> None:
        _ACTIONS[type(action)](self, action)

    def _begin(self, action: Begin) -> None:
        self._asked, self._began_ms = self.replies.asks, action.start_ms
        self._foresight.begin(action.item_id)
        self.tell(SpeechStarted(action.item_id, self._listening.begin(action.item_id, action.start_ms)))

    def _commit(self, action: Commit) -> None:
        self._watch = Stopwatch(action.item_id, self._voiced_at)
        self._listening.end(action.item_id)
        self.tell(SpeechStopped(action.item_id, action.end_ms))
        self._committed(action.item_id)
        self._foresight.over(action.item_id)
        self._foresee()

    def _committed(self, item_id: str, transcript: str | None = None) -> None:
        previous = self.conversation.last_id
        self.tell(InputCommitted(item_id, previous))
        item = Item(item_id, role="user", parts=(Part("input_audio", transcript),))
        self.conversation.add(item)
        self.tell(ItemAdded(item, previous))
        if self._watch is not None:
            self._watch.mark("committed", self._clock())

    def _drop(self, action: Drop) -> None:
        self._settled(action.item_id)
        self._listening.clear()
        self.tell(SpeechStopped(action.item_id, action.end_ms))

    def _pause(self, _action: Pause) -> None:
        self.replies.pause()

    def _resume(self, _action: Resume) -> None:
        self.replies.resume()

    def _interrupt(self, action: Interrupt) -> None:
        self.replies.interrupt("turn_detected", action.onset)
        for reply in [] if action.asked else self._next_in_band():
            self._next.remove(reply)
            if reply.asked:
                self.replies.never_made(reply, "turn_detected")

    def _next_in_band(self) -> list[Reply]:
        return [reply for reply in self._next if not reply.out_of_band]

    def _answer(self, _action: Answer) -> None:
        if not self._next_in_band():
            self._next.append(Reply(new_id("resp"), self.settings, watch=self._watch))
            self._watch = None
        self._perhaps_next()

    def _give_up_waiting(self, action: GiveUpWaiting) -> None:
        item_id, end_ms = new_id("item"), self._listening.clock_ms
        self.tell(InputTimedOut(item_id, self._listening.last_voiced_ms, end_ms))
        self._watch = None
        self._committed(item_id, "")
        self._done_user_item(item_id)
        self._answer(Answer())

    # --- what the bridge and the caller's side say --------------------------------------------------------------------

    def happened(self, event: Event) -> None:
        """Take an event of the bridge."""
        row = _EVENTS.get(type(event))
        if row is not None:
            row(self, event)
        elif self.replies.happened(event):
            self._perhaps_next()
        else:
            self.tell(event)

    def _partial(self, event: TranscriptPartial) -> None:
        self.tell(event)
        self._foresight.words(event.item_id, event.text, over=event.ended)
        self._turned(Words(event.item_id, event.text, final=False, asked=self._asked))
        self._foresee()

    def _final(self, event: TranscriptFinal) -> None:
        self._written(event.item_id, event.text)
        self.tell(event)
        self._done_user_item(event.item_id)
        self._turned(Words(event.item_id, event.text, final=True, asked=self._asked))
        self._perhaps_next()
        self._settled(event.item_id)

    def _failed(self, event: TranscriptFailed) -> None:
        self._written(event.item_id, "")
        self.tell(event)
        self._done_user_item(event.item_id)
        self._turned(Words(event.item_id, "", final=True))
        self._perhaps_next()
        self._settled(event.item_id)

    def _settled(self, item_id: str) -> None:
        self._foresight.settle(item_id)
        self._foresee()

    def _written(self, item_id: str, text: str) -> None:
        self.conversation.write(item_id, text)
        for watch in (self._watch, *(reply.watch for reply in self._next)):
            if watch is not None and watch.item_id == item_id:
                watch.mark("transcript", self._clock())

    def _done_user_item(self, item_id: str) -> None:
        item = self.conversation.find(item_id)
        if item is not None:
            self.tell(ItemDone(item, self.conversation.before(item_id)))

    def noted(self, event: PlayoutStarted | PlayoutFinished | DigitPressed) -> None:
        """Take what the caller's side reports."""
        if isinstance(event, PlayoutStarted):
            self.replies.started(event)
        elif isinstance(event, PlayoutFinished):
            self.replies.finished(event)
            self._perhaps_next()
        else:
            self.tell(event)

    # --- the next reply -----------------------------------------------------------------------------------------------

    def want(self, reply: Reply) -> None:
        """Make this reply as soon as what was said is written down; raises BadRequest while another is being made."""
        if self.replies.busy or self._next:
            code = "conversation_already_has_active_response"
            raise BadRequest("another response is being made: wait for response.done", code=code)
        if not self._capabilities.text_output and reply.settings.output_modalities == ("text",):
            raise Unsupported("the model behind this call does not write: output_modalities must be audio")
        self._next.append(reply)
        if not reply.out_of_band:
            reply.watch = self._watch_for_request()
            self._turned(ReplyMade(asked=True))
        self._perhaps_next()

    def _watch_for_request(self) -> Stopwatch:
        """Go on with the turn that asks for this reply: one that called a function, one just committed, or a typed one."""
        active = self.replies.last_called
        if active is not None and active.watch is not None:
            return active.watch
        watch, self._watch = self._watch, None
        return watch or Stopwatch(self.conversation.last_id or "", self._clock())

    def _perhaps_next(self) -> None:
        if not self._next or self.replies.active is not None or self._turn.pending:
            return
        reply = self._next.pop(0)
        try:
            self.replies.ask(reply)
        except Unsupported as problem:
            self.tell(Problem(problem.message, problem.code))
            if not reply.out_of_band:
                self._turned(ReplyOver())

    def withdraw(self, response_id: str | None) -> bool:
        """Stop making a reply: the active one, or the one that waits to be made."""
        active = self.replies.active
        if active is not None and active.cancelled is None and response_id in (None, active.id):
            self.replies.cancel()
            return True
        for reply in self._next:
            if response_id in (None, reply.id):
                self._forget_next(reply)
                return True
        return False

    def _forget_next(self, reply: Reply) -> None:
        self._next.remove(reply)
        self.replies.never_made(reply, "client_cancelled")
        if not reply.out_of_band:
            self._turned(ReplyOver())

    # --- what the client asks --------------------------------------------------------------------------------

    def configure(self, settings: Settings) -> None:
        """Put settings in force."""
        self._outbox.send(UpdateSession(settings=settings))
        self.settings = settings
        for action in self._turn.configure(settings.turn_detection):
            self._act(action)
        self._listening.configure(settings.turn_detection)
        self.tell(SessionUpdated(settings))

    def add(self, item: Item, after: str | None) -> str | None:
        """Add an item and return its predecessor's id. Raises BadRequest."""
        return self.conversation.add(item, after)

    def remove(self, item_id: str) -> None:
        """Take an item out. Raises NotFound."""
        self.conversation.delete(item_id)

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


_ACTIONS: dict[type, Callable[[Dialogue, Any], None]] = {
    Begin: Dialogue._begin,
    Commit: Dialogue._commit,
    Drop: Dialogue._drop,
    Pause: Dialogue._pause,
    Resume: Dialogue._resume,
    Interrupt: Dialogue._interrupt,
    Answer: Dialogue._answer,
    GiveUpWaiting: Dialogue._give_up_waiting,
}

_EVENTS: dict[type[Event], Callable[[Dialogue, Any], None]] = {
    TranscriptPartial: Dialogue._partial,
    TranscriptFinal: Dialogue._final,
    TranscriptFailed: Dialogue._failed,
}
