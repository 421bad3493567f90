"""One conversation over several providers: what all of them share, and what each one after the first begins with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mediaserver.audio.vad import MakeVoice
from mediaserver.bridge import Opening
from mediaserver.clock import FRAME_MS, Clock, new_id
from mediaserver.commands import CreateItem, UpdateSession
from mediaserver.conversation.audience import Audience
from mediaserver.conversation.carry import Unfinished, carry, continuation, is_complete
from mediaserver.conversation.conversation import Conversation
from mediaserver.conversation.dialogue import Dialogue
from mediaserver.conversation.following import Following, Reopen
from mediaserver.conversation.heard import Ledger
from mediaserver.conversation.judging import Judging
from mediaserver.conversation.leg import Leg
from mediaserver.conversation.record import CallRecord
from mediaserver.conversation.replay import MAX_MARKS, Replay
from mediaserver.conversation.replies import Replies, Reply
from mediaserver.conversation.talk import Talk
from mediaserver.conversation.through import Through
from mediaserver.conversation.wishes import complaints, fitted, tool_complaint, unchangeable
from mediaserver.errors import BadRequest, RequestError, Unsupported
from mediaserver.events import (
    Event,
    InputCommitted,
    ItemDeleted,
    ItemDone,
    Problem,
    ResponseDone,
    TranscriptFailed,
    TranscriptFinal,
)
from mediaserver.settings import Settings, Tool

SILENCE_KEPT_MS = 2000
"""While nobody speaks, so much of the caller's sound is kept besides the lead: a provider hears a word later than we do."""

TIDIED_EVERY = 25
"""Frames, half a second: looking costs more than keeping."""

OVERLAP_MS = 400
"""A turn is committed some time after its end; of speech that has begun again by then nothing may be missing."""


class Succession:
    """The talk with the provider that serves now, and how the next one takes it over."""

    def __init__(
        self,
        leg: Leg,
        settings: Settings,
        audience: Audience,
        conversation: Conversation,
        record: CallRecord,
        clock: Clock,
        make_voice: MakeVoice,
        reopen: Reopen,
        judging: Judging | None = None,
    ) -> None:
        self.conversation = conversation
        self.replay = Replay()
        self._audience = audience
        self._record = record
        self._clock = clock
        self._make_voice = make_voice
        self._judging = judging
        self._reopen = reopen
        self._replies: Replies | None = None
        self._leg = self._first = leg
        self._known: dict[int, frozenset[str]] = {}
        self._given: dict[int, Settings] = {}
        self._unwritten: tuple[str, ...] = ()  # turns whose transcript is still to come
        self._pending: list[Reply] = []
        self._unfinished: Unfinished | None = None
        self._owed = False
        self.talk: Talk = self._joined(leg, settings)

    def _joined(self, leg: Leg, settings: Settings) -> Talk:
        capabilities, audience = leg.capabilities, self._audience
        if capabilities.turns == "none":
            return Through(audience, settings, leg.outbox)
        if self._replies is None:
            ledger = Ledger(capabilities.output_rate)
            self._replies = Replies(self.conversation, audience, leg.outbox, ledger, self._clock, lambda _: None)
        shared = (audience, capabilities, settings, self.conversation, leg.outbox, self._clock, self._make_voice)
        if capabilities.turns == "session":
            return Dialogue(*shared, replies=self._replies, judging=self._judging)
        return Following(*shared, replies=self._replies, reopen=self._reopen)

    # --- the beginning ------------------------------------------------------------------------------------------------

    def complaints(self, asked: Settings) -> list[str]:
        """Return what the provider cannot do of what the client asked for at the start."""
        if self._leg.capabilities.turns != "provider":
            return []
        tools = tool_complaint(self._leg.capabilities.can, asked.tools)
        return [*complaints(self._leg.capabilities.can, asked), *([tools] if tools else [])]

    def check_tools(self, tools: Sequence[Tool]) -> str | None:
        """Return the sentence for functions of the client that the provider has by itself or not at all.

        Raises Unsupported for a provider that calls none.
        """
        capabilities = self._leg.capabilities
        complaint = tool_complaint(capabilities.can, tools) if capabilities.turns == "provider" else None
        if complaint is not None and "tools" not in capabilities.can:
            raise Unsupported(complaint)
        return complaint

    def opening(self, leg: Leg) -> Opening:
        """Return what a leg begins with: settings that it can honour, and the conversation so far."""
        settings = self._given[leg.number] = self._fitted(leg)
        history = carry(self.conversation.snapshot(), self._unfinished)
        resume = self._leg.resume if leg is not self._first and leg.place is self._leg.place else None
        untold = self._leg.untold if resume is not None else frozenset()
        self._known[leg.number] = frozenset(item.id for item in history) - untold
        self._leg.resume = None  # a handle that was refused once will be refused again
        return Opening(settings, history, resume)

    def begun(self, leg: Leg) -> None:
        """The first leg is ready: give it what waited for it, unless that is for other settings than it can have."""
        if self._outdated(leg):
            self._reopen(self.talk.settings, fresh=True)
        else:
            self._open(leg)
            self._settle(leg)

    def released(self, leg: Leg) -> None:
        """This leg goes on after all: give it what waited for another one."""
        self._open(leg)

    def _fitted(self, leg: Leg) -> Settings:
        settings, capabilities = self.talk.settings, leg.capabilities
        return (
            settings
            if capabilities.turns != "provider"
            else fitted(capabilities, settings, voice=leg is not self._first)
        )

    # --- the caller's sound -------------------------------------------------------------------------------------------

    def hear(self, pcm: bytes) -> None:
        """Keep one frame until what it is part of is settled."""
        self.replay.hear(pcm)
        if len(self.replay) % TIDIED_EVERY == 0 and self.talk.idle and not self.talk.speaking:
            self.replay.silent(self.replay.clock_ms - SILENCE_KEPT_MS)

    def seen(self, event: Event) -> None:
        """Take what the client is told: what was written down, or answered, need not be said again."""
        if isinstance(event, InputCommitted):
            behind = OVERLAP_MS if self.talk.speaking else FRAME_MS
            self.replay.mark(event.item_id, max(0, self.replay.clock_ms - behind))
            self._unwritten = (*self._unwritten[-MAX_MARKS:], event.item_id)
        elif isinstance(event, ItemDone | ItemDeleted):
            item_id = event.item.id if isinstance(event, ItemDone) else event.item_id
            self._unwritten = tuple(one for one in self._unwritten if one != item_id)
        elif isinstance(event, TranscriptFinal | TranscriptFailed):
            self.replay.resolved(event.item_id)
        elif isinstance(event, ResponseDone) and event.status == "completed":
            for item_id in self.replay.unsettled:
                self.replay.resolved(item_id)

    # --- the next provider --------------------------------------------------------------------------------------------

    def lost(self) -> None:
        """The provider has gone: end what it was making as it stands, and remember what is still owed."""
        self._owed = self._owed or self.talk.owes == "due"
        broken = None if self._replies is None else self._replies.broken()
        if broken is None:
            return
        if not broken.done:
            self._pending.insert(0, broken)
        elif not broken.called and not broken.out_of_band:
            self._unfinished = self._left_open(broken)

    def _left_open(self, broken: Reply) -> Unfinished | None:
        """Return what was said of a reply that is not complete."""
        if broken.left is None:
            return None
        item_id, said = broken.left
        item = self.conversation.find(item_id)
        whole = item is not None and bool(item.parts) and (item.parts[0].full_text or "").strip() == said.strip()
        if not said.strip() or is_complete(said, written=whole and item_id in broken.written):
            return None
        return Unfinished(item_id, said)

    def switched(self, leg: Leg, *, again: bool) -> None:
        """This leg goes on: ``again``, the caller's sound that nobody settled is said to it again."""
        self.lost()
        old, self._leg = self.talk, leg
        again = again or old.speaking or bool(self.replay.unsettled)
        old.leave()
        self._pending += [reply for reply in old.pending() if not reply.done]
        self._forget_unsettled()
        self._close_unwritten()
        leg.outbox.start_ms = self.replay.clock_ms - (self.replay.kept_ms if again else 0)
        self._open(leg)
        self.talk = self._joined(leg, old.settings)
        self._tell_news(leg)
        self._settle(leg)
        if again:
            self._say_again()
        self._answer_what_is_owed()

    def _open(self, leg: Leg) -> None:
        for problem in leg.outbox.open(self._known.get(leg.number, ())):
            self._audience.tell(Problem(problem.message, problem.code))

    def _settle(self, leg: Leg) -> None:
        """See to it that a leg which serves has the settings in force: they may have changed while it was being opened."""
        outdated, given, wanted = self._outdated(leg), self._given.pop(leg.number, None), self._fitted(leg)
        if given is None or given == wanted:
            return
        if outdated:
            self._reopen(self.talk.settings)
        elif leg is not self._first:  # what the first one was not given at the start waited in its outbox
            self._try(lambda: leg.outbox.send(UpdateSession(settings=wanted)))

    def _outdated(self, leg: Leg) -> bool:
        """Say whether the settings in force are others than a leg was opened with, and none that it can change to."""
        given = self._given.get(leg.number)
        if given is None or leg.capabilities.turns != "provider":
            return False
        return bool(unchangeable(leg.capabilities, given, self._fitted(leg)))

    def _forget_unsettled(self) -> None:
        for item_id in self.replay.unsettled:
            if item_id in self.conversation:
                self.conversation.delete(item_id)
                self._audience.tell(ItemDeleted(item_id))

    def _close_unwritten(self) -> None:
        """What was answered and is not written down will not be: the transcript went with its provider."""
        for item_id in self._unwritten:
            item = self.conversation.find(item_id)
            if item is not None:
                self._audience.tell(ItemDone(item, self.conversation.before(item_id)))

    def _tell_news(self, leg: Leg) -> None:
        """Give the provider what joined the conversation while it was being opened."""
        known = self._known.pop(leg.number, frozenset())
        self._known.clear()
        if not leg.capabilities.remembers:
            return
        for item in carry(self.conversation.snapshot(), self._unfinished):
            if item.id not in known:
                self._try(lambda item=item: leg.outbox.send(CreateItem(item=item)))  # type: ignore[misc]

    def _say_again(self) -> None:
        now, frames = self._clock(), self.replay.take()
        self._record.note("sound_replayed", ms=len(frames) * FRAME_MS)
        for pcm in frames:
            edge = self.talk.hear(pcm, now)
            if edge is not None:
                self.talk.edge(edge)

    def _answer_what_is_owed(self) -> None:
        pending, unfinished, owed = self._pending, self._unfinished, self._owed
        self._pending, self._unfinished, self._owed = [], None, False
        for reply in pending:
            self._try(lambda reply=reply: self.talk.want(reply))  # type: ignore[misc]
        if pending or self.replay.unsettled:
            return
        if unfinished is not None:
            self._record.note("reply_continued", characters=len(unfinished.said))
            self._try(lambda: self.talk.go_on(continuation(unfinished.said)))
        elif owed:
            self._try(self._answer_the_last)

    def _answer_the_last(self) -> None:
        can, turns = self._leg.capabilities.can, self._leg.capabilities.turns
        last = next(reversed(self.conversation.snapshot()), None)  # an answer of which nothing was heard is none
        if turns == "provider" and "respond" not in can and last is not None and last.role == "user":
            self.talk.go_on(last.text)
        else:
            self.talk.want(Reply(new_id("resp"), self.talk.settings))

    def _try(self, ask: Callable[[], None]) -> None:
        try:
            ask()
        except (RequestError, Unsupported) as refused:
            code = refused.code if isinstance(refused, BadRequest | Unsupported) else "invalid_request"
            self._record.note("not_carried_over", code=code)
