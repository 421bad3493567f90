"""A conversation whose turns the provider takes: we follow, keep the books, and make up for what it does not say.

The provider decides when the caller has finished and begins its answers; it remembers the conversation by itself. We hold
the same conversation beside it (for the client, for what was heard, and for the next provider should this one fail), tell it
what was really heard of an answer that was cut, and put requests in order so that two answers never meet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from mediaserver.audio.hints import Hint
from mediaserver.audio.inbound import Edge, Onset
from mediaserver.audio.levels import SILENCE_DB
from mediaserver.audio.vad import MakeVoice, WebRtcVoice
from mediaserver.bridge import Capabilities
from mediaserver.caller import Loudspeaker
from mediaserver.clock import Clock, earliest, new_id
from mediaserver.commands import ClearInput, Command, CommitInput, CreateItem, DeleteItem, TruncateItem, UpdateSession
from mediaserver.conversation.asking import ask
from mediaserver.conversation.conversation import Conversation, with_text
from mediaserver.conversation.heard import Ledger
from mediaserver.conversation.listening import Listening
from mediaserver.conversation.measure import Stopwatch
from mediaserver.conversation.outbox import Outbox
from mediaserver.conversation.replies import Replies, Reply
from mediaserver.conversation.speaking import Speaking
from mediaserver.conversation.talk import Owes
from mediaserver.conversation.turn import Happening, ReplyHeard, ReplyOver
from mediaserver.conversation.wishes import check_item, check_reply, complaints, unchangeable
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
    ReplyCut,
    ResponseCreated,
    ResponseRefused,
    SessionUpdated,
    SpeechStarted,
    SpeechStopped,
    TextCorrected,
    TranscriptFailed,
    TranscriptFinal,
    TranscriptPartial,
)
from mediaserver.items import Item, Part
from mediaserver.remember import remember
from mediaserver.settings import Settings

DOUBT_S = 1.2
"""A reply that we silenced because somebody spoke goes on after this long, unless the provider says that it was cut."""


class Reopen(Protocol):
    """Goes on with the provider under other settings: a new session of it that knows the conversation."""

    def __call__(self, settings: Settings, *, fresh: bool = False) -> None:
        """Ask for it; ``fresh``: the session there is was told nothing yet."""
        ...


class Following:
    """Satisfies :class:`mediaserver.conversation.talk.Talk` for bridges with ``turns="provider"``.

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
        reopen: Reopen | None = None,
    ) -> None:
        self.settings = settings
        self.conversation = conversation
        self._caller = caller
        self._capabilities = capabilities
        self._outbox = outbox
        self._clock = clock
        self._reopen = reopen
        detection = settings.turn_detection
        self._listening = Listening(capabilities.input_rate, detection, outbox, always=True, make_voice=make_voice)
        self._speaking = Speaking(capabilities.speech_events)
        ledger = Ledger(capabilities.output_rate)
        self.replies = replies or Replies(conversation, caller, outbox, ledger, clock, self._turned)
        self.replies.rejoin(outbox, self._turned, self._cut_short)
        self._next: list[Reply] = []
        self._refused: set[str] = set()
        self._asked: tuple[str, ...] = ()
        self._truncated: dict[str, int] = {}
        self._continues = False  # the provider answers a function's output by itself
        self._asks_late = False  # the client gave that output, and has not asked for its answer yet
        self._owed = False
        self._doubt_until: float | None = None
        self._watch: Stopwatch | None = None
        self._voiced_at = clock()

    # --- what others may know -----------------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """``idle``, ``speaking``, ``deciding``, ``replying`` or ``paused``."""
        if self._doubt_until is not None:
            return "paused"
        if self.replies.active is not None or self.replies.playing is not None:
            return "replying"
        return "speaking" if self.speaking else "deciding" if self._owed else "idle"

    @property
    def idle(self) -> bool:
        """Nobody speaks and nothing is being made or played."""
        return self.state == "idle" and not self._next

    @property
    def speaking(self) -> bool:
        """The caller speaks."""
        return self._speaking.now or self._listening.speaking

    @property
    def owes(self) -> Owes:
        """What the provider owes: an answer of which nothing has come yet, one that is being made, or nothing."""
        active = self.replies.active
        if active is not None and (active.heard_of or active.called):
            return "making"
        return "due" if self._owed or self._next or active is not None else "nothing"

    def pending(self) -> list[Reply]:
        """Return and forget what was asked for and not begun: whoever goes on with the call is to answer it."""
        pending, self._next = self._next, []
        return pending

    def leave(self) -> None:
        """Another one goes on: end what the client was told of the caller's speech, and let a held reply play."""
        for event in self._speaking.leave(self._listening.clock_ms):
            self.tell(event)
        if self._doubt_until is not None:
            self._doubt_until = None
            self.replies.resume()

    @property
    def due(self) -> float | None:
        """When :meth:`tick` has something to do, monotonic seconds."""
        return earliest(self.replies.due, self._doubt_until, self._speaking.due)

    def tick(self, now: float) -> None:
        """Do what is due."""
        if self._doubt_until is not None and now >= self._doubt_until:
            self._decide()
        for event in self._speaking.tick(now):
            self.tell(event)
        self.replies.tick(now)
        self._perhaps_next()

    def tell(self, event: Event) -> None:
        """Tell the client."""
        self._caller.tell(event)

    # --- the caller's speech ------------------------------------------------------------------------------------------

    def hear(self, pcm: bytes, at: float) -> Edge | Hint | None:
        """Take one frame: it goes to the provider at once; an edge of speech that it makes certain is for :meth:`edge`."""
        level = self.replies.level()
        edge = self._listening.hear(pcm, SILENCE_DB if level is None else level)
        if self._listening.voiced_now:
            self._voiced_at = at
        return edge

    def edge(self, edge: Edge | Hint) -> None:
        """Speech started or stopped, as we hear it; what the provider says by itself it says better."""
        if self.settings.turn_detection is None or isinstance(edge, Hint):
            return
        now = self._clock()
        for event in self._speaking.edge(edge, now):
            self.tell(event)
        if isinstance(edge, Onset) and self._interruptible and self._doubt_until is None:
            self._doubt_until = now + DOUBT_S  # the provider will say whether it was interrupted
            self.replies.pause()

    @property
    def _interruptible(self) -> bool:
        """What plays may be interrupted, and no provider tells us of speech; sound made as it is heard stops by itself."""
        detection = self.settings.turn_detection
        ours = self._capabilities.speech_events == "none" and not self._capabilities.live_output
        return ours and self.replies.playing is not None and detection is not None and detection.interrupt_response

    def _decide(self) -> None:
        """Nobody said that the reply was cut, which is no news from a model that has made all of it: look ourselves."""
        self._doubt_until = None
        over = self.speaking and self.replies.active is None
        (self._cut if over else self.replies.resume)()

    # --- what the provider says ---------------------------------------------------------------------------------------

    def happened(self, event: Event) -> None:
        """Take an event of the bridge."""
        row = _EVENTS.get(type(event))
        if row is not None:
            row(self, event)
        elif self.replies.happened(event):
            self._owed = self._owed and self.replies.active is None
            self._perhaps_next()
        else:
            self.tell(event)

    def _speech_started(self, event: SpeechStarted) -> None:
        self._owed = False
        for said in self._speaking.started(event):
            self.tell(said)
        detection = self.settings.turn_detection
        if detection is None or detection.interrupt_response:
            self._cut()

    def _speech_stopped(self, event: SpeechStopped) -> None:
        for said in self._speaking.stopped(event):
            self.tell(said)

    def _committed(self, event: InputCommitted) -> None:
        for said in self._speaking.committed(event.item_id, self._listening.clock_ms):
            self.tell(said)
        item_id = self._speaking.name(event.item_id)
        if item_id in self.conversation:
            return  # said twice
        self._listening.item_id = None
        previous = self.conversation.last_id
        self.tell(InputCommitted(item_id, previous))
        item = Item(item_id, role="user", parts=(Part("input_audio", None),))
        self.conversation.add(item)
        self.tell(ItemAdded(item, previous))
        if self.settings.transcription is None or "transcripts" not in self._capabilities.can:
            self.tell(ItemDone(item, previous))
        self._watch = Stopwatch(item_id, min(self._voiced_at, self._clock()))
        self._watch.mark("committed", self._clock())
        self._asks_late = False
        self._owed = self._answers_turns

    @property
    def _answers_turns(self) -> bool:
        """Each turn has its answer; a full-duplex model says something to it or does not."""
        detection = self.settings.turn_detection
        wanted = detection is not None and detection.create_response and self.settings.kind == "realtime"
        return wanted and not self._capabilities.live_output

    def _partial(self, event: TranscriptPartial) -> None:
        self.tell(replace(event, item_id=self._speaking.name(event.item_id)))

    def _final(self, event: TranscriptFinal) -> None:
        event = replace(event, item_id=self._speaking.name(event.item_id))
        self.conversation.write(event.item_id, event.text)
        self.tell(event)
        self._done_user_item(event.item_id)
        if self._watch is not None and self._watch.item_id == event.item_id:
            self._watch.mark("transcript", self._clock())
            self._owed = self._owed and bool(event.text.strip())  # what had no words may have no answer

    def _failed(self, event: TranscriptFailed) -> None:
        event = replace(event, item_id=self._speaking.name(event.item_id))
        self.conversation.write(event.item_id, "")
        self.tell(event)
        self._done_user_item(event.item_id)

    def _done_user_item(self, item_id: str) -> None:
        item = self.conversation.find(item_id)
        if item is not None:
            self.tell(ItemDone(item, self.conversation.before(item_id)))

    def _timed_out(self, event: InputTimedOut) -> None:
        self.tell(event)
        self._owed = True

    def _created(self, event: ResponseCreated) -> None:
        """One that we asked for has begun, or one that the provider began by itself."""
        active = self.replies.active
        if active is not None and active.id == event.response_id:
            self.replies.happened(event)
            return
        if event.response_id in self._asked:
            return  # it was given up already: too late
        if active is not None and not active.created and not active.open:
            self._next.insert(0, active)  # the provider was faster: ours waits for the end of this one
            self.replies.active = None
        elif active is not None:
            self.replies.refused("provider_error", "the model began another answer instead")
        settings = replace(self.settings, output_modalities=event.modalities, voice=event.voice or self.settings.voice)
        watch, self._watch = self._watch, None
        if watch is not None and self._owed and self._interruptible:
            self._cut()  # it answers words that were said into an answer that it had long made
        self._owed = self._continues = False
        self.replies.adopt(Reply(event.response_id, settings, event.metadata, event.out_of_band, watch=watch))

    def _response_refused(self, event: ResponseRefused) -> None:
        """Try again after the response that was in the way; anything else is the end of this one."""
        active = self.replies.active
        if active is None or active.id != event.response_id:
            return
        if event.code == "conversation_already_has_active_response" and active.id not in self._refused:
            self._refused.add(active.id)
            self._next.insert(0, active)
            self.replies.active = None
            return
        self.replies.refused(event.code, event.message)
        self._perhaps_next()

    def _cut(self, _event: ReplyCut | None = None) -> None:
        """Stop what is made and played: the caller spoke, and the provider heard it too."""
        self._doubt_until = None
        if self.replies.active is not None or self.replies.playing is not None:
            self.replies.interrupt("turn_detected", self._voiced_at)

    def _corrected(self, event: TextCorrected) -> None:
        item = self.conversation.find(event.item_id)
        if item is not None and item.parts and item.status == "incomplete":
            self.conversation.replace(with_text(item, event.text, full_text=item.parts[0].full_text))

    def _cut_short(self, item_id: str, played_ms: int) -> None:
        """Tell the provider how much was heard; never more than before, which it would refuse."""
        if "truncate" not in self._capabilities.can or played_ms >= self._truncated.get(item_id, 1 << 60):
            return
        remember(self._truncated, item_id, played_ms, 256)
        self._outbox.send(TruncateItem(item_id=item_id, content_index=0, audio_end_ms=played_ms))

    def _turned(self, happening: Happening) -> None:
        if isinstance(happening, ReplyOver | ReplyHeard):
            self._owed = False

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
        """Ask for this reply as soon as none is being made. Raises BadRequest, Unsupported."""
        if self._going_on(reply):
            return
        if self.replies.busy or self._next:
            code = "conversation_already_has_active_response"
            raise BadRequest("another response is being made: wait for response.done", code=code)
        check_reply(self._capabilities, self.settings, reply, self.conversation)
        if not reply.out_of_band:
            watch, self._watch = self._watch, None
            reply.watch = watch or Stopwatch(self.conversation.last_id or "", self._clock())
        self._next.append(reply)
        self._perhaps_next()

    def _going_on(self, reply: Reply) -> bool:
        """Say whether the provider already answers the function's output that this request is about."""
        if reply.out_of_band or not self._capabilities.goes_on_after_tools:
            return False
        late, self._asks_late = self._asks_late, False
        active = self.replies.active
        begun = active is not None and not active.asked and not active.called
        return not self._continues and (late or begun)

    def _perhaps_next(self) -> None:
        if not self._next or self.replies.active is not None:
            return
        reply = self._next.pop(0)
        self._continues = False
        self._asked = (*self._asked[-63:], reply.id)
        self.replies.ask(reply)

    def withdraw(self, response_id: str | None) -> bool:
        """Stop making a reply: the active one, or the one that waits. Raises Unsupported where the provider cannot."""
        active = self.replies.active
        if active is not None and active.cancelled is None and response_id in (None, active.id):
            if "cancel" not in self._capabilities.can:
                self.replies.interrupt("client_cancelled", self._clock())
            else:
                self.replies.cancel()
            return True
        for reply in self._next:
            if response_id in (None, reply.id):
                self._next.remove(reply)
                self.replies.never_made(reply, "client_cancelled")
                return True
        return False

    def go_on(self, instruction: str) -> None:
        """Have the provider answer after a failover: ``instruction`` is for it alone, and no part of our conversation."""
        both = {"respond", "context_items"} <= self._capabilities.can
        item = Item(new_id("item"), role="system" if both else "user", parts=(Part("input_text", instruction),))
        self._outbox.send(CreateItem(item=item))
        self.replies.ask(Reply(new_id("resp"), self.settings))

    def give_output(self, item: Item, *, foreign: bool) -> None:
        """Give the provider a function's output that is in our conversation already; ``foreign``: it knows no such call."""
        if foreign:
            said = f"The function {item.name or ''} that was called before has answered: {item.output}"
            item = Item(new_id("item"), role="system", parts=(Part("input_text", said),))
        self._outbox.send(CreateItem(item=item))
        if not foreign and self._capabilities.goes_on_after_tools:
            self._continues = self._owed = True

    @property
    def answers_outputs(self) -> bool:
        """The provider goes on by itself when it has a function's output."""
        return self._capabilities.goes_on_after_tools

    # --- what the client asks -----------------------------------------------------------------------------------------

    def ask(self, command: Command) -> None:
        """Do what a client asks. Raises RequestError, Unsupported."""
        ask(self, command)

    def configure(self, settings: Settings) -> None:
        """Put settings in force: now where the provider can, else by a new session of it."""
        refused = complaints(self._capabilities.can, settings)
        if refused:
            raise Unsupported("; ".join(refused))
        fixed = unchangeable(self._capabilities, self.settings, settings)
        if fixed and self._reopen is None:
            raise Unsupported(f"the model behind this call cannot change in mid-session: {', '.join(fixed)}")
        if fixed and self._reopen is not None:
            self._reopen(settings)
        elif settings != self.settings:
            self._outbox.send(UpdateSession(settings=settings))
        self.settings = settings
        self._listening.configure(settings.turn_detection)
        self.tell(SessionUpdated(settings))

    def add(self, item: Item, after: str | None) -> str | None:
        """Add an item, here and in the provider's memory. Raises BadRequest, Unsupported."""
        check_item(self._capabilities, item)
        previous = self.conversation.add(item, after)
        try:
            self._outbox.send(CreateItem(item=item, previous_item_id=after))
        except Unsupported:
            self.conversation.delete(item.id)
            raise
        self._asks_late = item.kind == "function_call_output" and self._capabilities.goes_on_after_tools
        if self._asks_late:
            self._continues = self._owed = True
        return previous

    def remove(self, item_id: str) -> None:
        """Take an item out, here and there. Raises NotFound, Unsupported."""
        self.conversation.get(item_id, "delete")
        if "delete_items" not in self._capabilities.can:
            raise Unsupported("the model behind this call cannot forget single items")
        self.conversation.delete(item_id)
        self._outbox.send(DeleteItem(item_id=item_id))

    def commit(self) -> None:
        """End the caller's turn by hand; raises BadRequest when nothing was said, Unsupported where nobody can."""
        if self.settings.turn_detection is None and "manual_turns" not in self._capabilities.can:
            raise Unsupported("the model behind this call takes its turns by itself")
        if not self._listening.committable:
            raise BadRequest("there is no sound to commit", code="input_audio_buffer_commit_empty")
        self._outbox.send(CommitInput())
        self._listening.clear()

    def clear_input(self) -> None:
        """Forget sound that was not committed. Raises Unsupported where it has gone already."""
        if "clear_input" not in self._capabilities.can:
            raise Unsupported("the model behind this call has heard it already")
        self._outbox.send(ClearInput())
        self._listening.clear()

    def clear_output(self) -> None:
        """Stop playing, and stop making what would be played."""
        self._doubt_until = None
        self.replies.interrupt("client_cancelled", self._clock())


_EVENTS: dict[type[Event], Callable[[Following, Any], None]] = {
    SpeechStarted: Following._speech_started,
    SpeechStopped: Following._speech_stopped,
    InputCommitted: Following._committed,
    InputTimedOut: Following._timed_out,
    TranscriptPartial: Following._partial,
    TranscriptFinal: Following._final,
    TranscriptFailed: Following._failed,
    ResponseCreated: Following._created,
    ResponseRefused: Following._response_refused,
    ReplyCut: Following._cut,
    TextCorrected: Following._corrected,
}
