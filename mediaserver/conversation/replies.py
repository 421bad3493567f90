"""The replies of one conversation: asked of the bridge one at a time, written down, played, cut, and told to the client."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from mediaserver.caller import Loudspeaker
from mediaserver.clock import Clock
from mediaserver.commands import Interrupt, Respond
from mediaserver.conversation.audience import play
from mediaserver.conversation.bargein import asking
from mediaserver.conversation.conversation import Conversation, with_text
from mediaserver.conversation.heard import Cut, Ledger
from mediaserver.conversation.measure import Stopwatch
from mediaserver.conversation.openings import Openings
from mediaserver.conversation.outbox import Outbox
from mediaserver.conversation.turn import Happening, ReplyHeard, ReplyMade, ReplyOver
from mediaserver.events import (
    AudioDelta,
    AudioDone,
    Event,
    Heard,
    Interrupted,
    ItemAdded,
    ItemDone,
    ItemTruncated,
    OutputCleared,
    OutputStarted,
    OutputStopped,
    PlayoutFinished,
    PlayoutStarted,
    ReplyPaused,
    ReplyResumed,
    ResponseCreated,
    ResponseDone,
    TextDelta,
    TextDone,
    ToolCalled,
)
from mediaserver.items import Item, Part, Usage
from mediaserver.settings import Settings

PROGRESS_S = 0.2
"""How often we say what was heard so far while a reply plays."""

GONE_AFTER_S = 1.0
"""A bridge has this long to confirm that it stopped making a response."""

Reason = Literal["turn_detected", "client_cancelled"]


@dataclass(slots=True)
class Reply:
    """One response from the request to the last sample heard."""

    id: str
    settings: Settings
    metadata: tuple[tuple[str, str], ...] = ()
    out_of_band: bool = False
    input: tuple[Item, ...] | None = None
    watch: Stopwatch | None = None
    asked: bool = False  # by the client, who waits for its response.done
    created: bool = False
    done: bool = False
    heard: bool = False
    called: bool = False
    cut: bool = False
    cancelled: Reason | None = None
    gone_at: float = 0.0
    left: tuple[str, str] | None = None  # the item that its provider left unfinished, and its words so far
    heard_of: bool = False  # something came that the caller can perceive: sound, or the text of a written answer
    open: dict[str, Item] = field(default_factory=dict)  # messages that still grow
    sounding: set[str] = field(default_factory=set)  # items whose sound has not all left
    spoken: set[str] = field(default_factory=set)  # items whose sound is complete at the bridge's end
    written: set[str] = field(default_factory=set)  # items whose text is complete


class Replies:
    """Pure but for its three outlets: the outbox to the bridge, the caller, and ``turn`` who is told what became of a reply.

    ``active`` is the response that is being made; its sound may go on playing long after. ``cut_short`` is told what was
    heard of each item that was cut, for bridges that remember the conversation. All of it outlives a bridge: :meth:`rejoin`.
    """

    def __init__(
        self,
        conversation: Conversation,
        caller: Loudspeaker,
        outbox: Outbox,
        ledger: Ledger,
        clock: Clock,
        turn: Callable[[Happening], None],
        cut_short: Callable[[str, int], None] | None = None,
    ) -> None:
        self.active: Reply | None = None
        self.playing: str | None = None  # the item whose sound is leaving
        self.last_called: Reply | None = None  # the reply that called a function, until the next one is made
        self.openings: Openings | None = None  # whoever wants to know :meth:`lately` has them kept
        self._conversation = conversation
        self._caller = caller
        self._outbox = outbox
        self._ledger = ledger
        self._clock = clock
        self._turn = turn
        self._cut_short = cut_short
        self._by_item: dict[str, Reply] = {}  # items in the loudspeaker's queue
        self._paused_at: float | None = None
        self._progress_at = 0.0

    def rejoin(
        self, outbox: Outbox, turn: Callable[[Happening], None], cut_short: Callable[[str, int], None] | None
    ) -> None:
        """Go on with another bridge; nothing is being made at that moment, but something may still be playing."""
        self._outbox, self._turn, self._cut_short = outbox, turn, cut_short

    # --- asking -------------------------------------------------------------------------------------------------------

    def ask(self, reply: Reply) -> None:
        """Ask the bridge for this response; raises Unsupported."""
        now = self._clock()
        if reply.watch is not None:
            reply.watch.mark("asked", now)
        items = self._conversation.snapshot() if reply.input is None else reply.input
        self.active, self.last_called = reply, None
        try:
            self._outbox.send(
                Respond(
                    response_id=reply.id,
                    settings=reply.settings,
                    items=items,
                    metadata=reply.metadata,
                    out_of_band=reply.out_of_band,
                    own_input=reply.input is not None,
                )
            )
        except Exception:
            self.active = None  # the refusal is the asker's to tell
            raise
        if not reply.out_of_band:
            self._turn(ReplyMade())

    def adopt(self, reply: Reply) -> None:
        """Take a response that the bridge began by itself for the active one, and say so."""
        self.active, self.last_called = reply, None
        self._create(reply)
        self._turn(ReplyMade())

    def broken(self) -> Reply | None:
        """The bridge has gone: end what it was making as it stands, let what was made of it play, and return it.

        A reply of which nothing came is returned as it was, to be asked for again; its ``created`` says which it is.
        """
        reply = self.active
        if reply is None:
            return None
        if not reply.open and not reply.called:
            self.active = None
        else:
            reply.left = self._as_far_as_it_sounds(reply)
            self._ended(ResponseDone(reply.id, "incomplete", None, None, "provider_failed", "the provider went away"))
        return reply

    def _as_far_as_it_sounds(self, reply: Reply) -> tuple[str, str] | None:
        """Keep of the item that was being spoken the words whose sound has come; return it and them."""
        item_id = next(reversed(reply.open), None)
        item = self._conversation.find(item_id or "")
        if item is None or item.id in reply.spoken or "audio" not in reply.settings.output_modalities:
            return None
        script = self._ledger.script(item.id)
        said = script.covered()
        self._conversation.replace(with_text(replace(item, status="incomplete"), said, full_text=script.written))
        return item.id, said

    def refused(self, code: str, message: str) -> None:
        """The bridge will not make the active response."""
        if self.active is not None:
            self._ended(ResponseDone(self.active.id, "failed", None, None, code, message))

    def cancel(self, reason: Reason = "client_cancelled") -> None:
        """Stop making the active response; what was made of it goes on playing."""
        reply = self.active
        if reply is None or reply.cancelled is not None:
            return
        reply.cancelled, reply.gone_at = reason, self._clock() + GONE_AFTER_S
        item_id = next(reversed(reply.open), None)
        played = 0 if item_id is None else self._caller.played(item_id)
        self._outbox.send(Interrupt(response_id=reply.id, item_id=item_id, played_ms=played, reason=reason))

    def never_made(self, reply: Reply, reason: Reason) -> None:
        """A reply was withdrawn before the bridge was asked for it; the turn is told by whoever did."""
        reply.cancelled = reason
        self._create(reply)
        self._caller.tell(ResponseDone(reply.id, "cancelled", reason, Usage()))

    @property
    def busy(self) -> bool:
        """A response is being made that is neither being cancelled nor waiting for a function."""
        return self.active is not None and self.active.cancelled is None and not self.active.called

    @property
    def due(self) -> float | None:
        """When :meth:`tick` has something to do, monotonic seconds."""
        waits = []
        if self.active is not None and self.active.cancelled is not None:
            waits.append(self.active.gone_at)
        if self.playing is not None and self._paused_at is None:
            waits.append(self._progress_at)
        return min(waits, default=None)

    def tick(self, now: float) -> None:
        """Say what was heard so far; end a response that the bridge should have ended."""
        if self.playing is not None and self._paused_at is None and now >= self._progress_at:
            self._progress_at = now + PROGRESS_S
            self._tell_heard(self.playing, self._caller.played(self.playing))
        reply = self.active
        if reply is not None and reply.cancelled is not None and now >= reply.gone_at:
            self._ended(ResponseDone(reply.id, "cancelled", reply.cancelled))

    # --- what the bridge says -----------------------------------------------------------------------------------------

    def happened(self, event: Event) -> bool:
        """Take an event of the bridge about a response; returns False for events about anything else."""
        handler = _HANDLERS.get(type(event))
        if handler is None:
            return False
        reply = self.active
        if reply is not None and event.response_id == reply.id:  # type: ignore[attr-defined]
            self._create(reply)
            handler(self, reply, event)
        return True

    def _create(self, reply: Reply) -> None:
        if reply.created:
            return
        reply.created = True
        settings = reply.settings
        modalities, voice = settings.output_modalities, settings.voice
        self._caller.tell(ResponseCreated(reply.id, modalities, voice, reply.metadata, reply.out_of_band))

    def _created(self, _reply: Reply, _event: ResponseCreated) -> None:
        pass  # told already, in our own words: settings and metadata are ours

    def _text(self, reply: Reply, event: TextDelta) -> None:
        if reply.cancelled is not None:
            return
        self._mark(reply, "text")
        reply.heard_of = reply.heard_of or "audio" not in reply.settings.output_modalities
        self._message(reply, event.item_id)
        self._ledger.script(event.item_id).write(event.text)
        self._caller.tell(event)

    def _text_done(self, reply: Reply, event: TextDone) -> None:
        if reply.cancelled is not None or event.item_id in reply.written:
            return
        self._message(reply, event.item_id)
        self._ledger.script(event.item_id).rewrite(event.text)
        reply.written.add(event.item_id)
        self._caller.tell(event)

    def _audio(self, reply: Reply, event: AudioDelta) -> None:
        if reply.cancelled is not None or reply.out_of_band:
            return
        self._mark(reply, "audio")
        reply.heard_of = True
        self._message(reply, event.item_id)
        packets = self._ledger.script(event.item_id).delta(event)
        if self.openings is not None and not packets:
            self.openings.sound(event.item_id, event.pcm)
        reply.sounding.add(event.item_id)
        self._by_item[event.item_id] = reply
        play(self._caller, event.item_id, packets or event.pcm)

    def _audio_done(self, reply: Reply, event: AudioDone) -> None:
        if reply.cancelled is not None or event.item_id in reply.spoken or event.item_id not in reply.sounding:
            return
        self._sound_complete(reply, event.item_id)
        self._caller.tell(event)

    def _sound_complete(self, reply: Reply, item_id: str) -> None:
        reply.spoken.add(item_id)
        self._ledger.script(item_id).complete()
        self._caller.finish(item_id)

    def _tool(self, reply: Reply, event: ToolCalled) -> None:
        if reply.cancelled is not None:
            return
        reply.called, self.last_called = True, reply
        self._mark(reply, "tool_called")
        if reply.out_of_band:
            self._caller.tell(event)
            return
        item = Item(event.item_id, "function_call", call_id=event.call_id, name=event.name, status="in_progress")
        previous = self._conversation.add(item)
        self._caller.tell(ItemAdded(item, previous))
        self._caller.tell(event)
        item = replace(item, arguments=event.arguments, status="completed")
        self._conversation.replace(item)
        self._caller.tell(ItemDone(item, previous))

    def _ended(self, event: ResponseDone) -> None:
        reply = self.active
        if reply is None:
            return
        self._create(reply)
        self.active, reply.done = None, True
        self._close_items(reply, "completed" if event.status == "completed" else "incomplete")
        self._caller.tell(self._verdict(reply, event))
        self._perhaps_over(reply)

    def _response_done(self, _reply: Reply, event: ResponseDone) -> None:
        self._ended(event)

    def _verdict(self, reply: Reply, event: ResponseDone) -> ResponseDone:
        """What we asked to stop is cancelled for our reason, whatever the bridge calls it; its usage counts all the same."""
        if reply.cancelled is None:
            return event
        return ResponseDone(event.response_id, "cancelled", reply.cancelled, event.usage or Usage())

    # --- its items ----------------------------------------------------------------------------------------------------

    def _message(self, reply: Reply, item_id: str) -> None:
        if item_id in reply.open or reply.out_of_band:
            return
        spoken = "audio" in reply.settings.output_modalities
        item = Item(item_id, role="assistant", status="in_progress")
        reply.open[item_id] = replace(item, parts=(Part("output_audio" if spoken else "output_text", ""),))
        self._caller.tell(ItemAdded(item, self._conversation.add(reply.open[item_id])))

    def _close_items(self, reply: Reply, status: Literal["completed", "incomplete"]) -> None:
        """All of the messages are complete now: say what the bridge left unsaid, in the order clients expect."""
        for item_id, item in list(reply.open.items()):
            script = self._ledger.script(item_id)
            if item_id in reply.sounding and item_id not in reply.spoken:
                self._sound_complete(reply, item_id)
                self._caller.tell(AudioDone(reply.id, item_id))
            if item_id not in reply.written:
                self._caller.tell(TextDone(reply.id, item_id, script.written))
            known = self._conversation.find(item_id) or item
            if known.status == "in_progress":
                known = with_text(replace(known, status=status), script.written)
            self._conversation.replace(known)
            self._caller.tell(ItemDone(known, self._conversation.before(item_id)))
        reply.open.clear()

    def _mark(self, reply: Reply, mark: Literal["text", "audio", "tool_called"]) -> None:
        if reply.watch is not None:
            reply.watch.mark(mark, self._clock())

    # --- the loudspeaker ----------------------------------------------------------------------------------------------

    def started(self, event: PlayoutStarted) -> None:
        """An item begins to be heard."""
        reply = self._by_item.get(event.item_id)
        if reply is None:
            return
        self.playing, self._progress_at = event.item_id, self._clock() + PROGRESS_S
        if not reply.heard:
            reply.heard = True
            self._caller.tell(OutputStarted(reply.id))
            self._turn(ReplyHeard())
        self._tell_heard(event.item_id, 0)
        measured = reply.watch.done(reply.id, event.at) if reply.watch is not None else None
        if measured is not None:
            self._caller.tell(measured)

    def finished(self, event: PlayoutFinished) -> None:
        """An item was heard to its end."""
        reply = self._by_item.pop(event.item_id, None)
        if reply is None:
            return
        if self.playing == event.item_id:
            self.playing = None
        reply.sounding.discard(event.item_id)
        self._tell_heard(event.item_id, event.played_ms)
        self._perhaps_over(reply)

    def _perhaps_over(self, reply: Reply) -> None:
        if not reply.done or reply.sounding or reply.cut:
            return
        if reply.heard:
            self._caller.tell(OutputStopped(reply.id))
        if not reply.out_of_band and not self._by_item:
            self._turn(ReplyOver())
            if self.active is not None and not self.active.out_of_band:
                self._turn(ReplyMade())  # the next one is under way: whoever speaks now speaks into that

    def level(self) -> float | None:
        """Return the level (dBFS) of what leaves now; ``None`` while nothing does."""
        if self.playing is None or self._paused_at is not None:
            return None
        script = self._ledger.find(self.playing)
        return None if script is None else script.envelope.at(self._caller.played(self.playing))

    def lately(self, ms: int) -> bytes | None:
        """Return up to ``ms`` of the sound that left last, PCM16; ``None`` when it is not kept."""
        if self.playing is None or self.openings is None:
            return None
        return self.openings.before(self.playing, self._caller.played(self.playing), ms)

    @property
    def asks(self) -> bool:
        """What is heard of the reply has just asked a question."""
        if self.playing is None:
            return False
        cut = self._ledger.script(self.playing).at(self._caller.played(self.playing))
        return asking(cut.text, cut.unheard)

    def _tell_heard(self, item_id: str, played_ms: int) -> None:
        cut = self._ledger.script(item_id).at(played_ms)
        self._caller.tell(Heard(item_id, played_ms, cut.text, cut.unheard, cut.estimated))

    # --- interruptions ------------------------------------------------------------------------------------------------

    def pause(self) -> None:
        """Be silent, and keep everything."""
        self._paused_at = self._clock()
        self._caller.pause()
        reply = self._current()
        if reply is not None:
            self._caller.tell(ReplyPaused(reply.id))

    def resume(self) -> None:
        """Go on where it stopped."""
        self._paused_at, self._progress_at = None, self._clock()
        self._caller.resume()
        reply = self._current()
        if reply is not None:
            self._caller.tell(ReplyResumed(reply.id))

    def interrupt(self, reason: Reason, onset: float) -> None:
        """Stop making and playing whatever there is; the conversation keeps what was heard. The turn knows already."""
        silent_at = self._paused_at if self._paused_at is not None else self._clock()
        self._paused_at = None
        replies = self._unfinished()
        played = {one.item_id: one.played_ms for one in self._caller.clear()}
        self._caller.resume()
        if self.active in replies:
            self.cancel(reason)
        for reply in [one for one in replies if not one.cut]:
            self._cut(reply, played, onset, silent_at)
        self.playing = None
        self._by_item.clear()

    def _cut(self, reply: Reply, played: dict[str, int], onset: float, silent_at: float) -> None:
        items = [item for item in (*reply.sounding, *reply.open) if item in self._conversation]
        cuts = [(item, self._truncate(item, played.get(item, 0))) for item in dict.fromkeys(items)]
        reply.sounding.clear()
        reply.cut = True
        if reply.heard:
            self._caller.tell(OutputCleared(reply.id))
        for item_id, cut in cuts:
            self._tell_truncated(item_id, cut)
            said = Interrupted(reply.id, item_id, cut.played_ms, cut.text, cut.unheard, cut.estimated, onset, silent_at)
            self._caller.tell(said)

    def truncate(self, item_id: str, played_ms: int) -> None:
        """The client says that it heard only so much of an item."""
        self._tell_truncated(item_id, self._truncate(item_id, played_ms))

    def sound_ms(self, item_id: str) -> int | None:
        """Milliseconds of sound that an item has, ``None`` when it has none or it is not known any more."""
        script = self._ledger.find(item_id)
        return None if script is None or not script.sound_ms else script.sound_ms

    def _truncate(self, item_id: str, played_ms: int) -> Cut:
        script = self._ledger.script(item_id)
        cut = script.at(played_ms)
        item = self._conversation.find(item_id)
        if item is not None and item.parts:
            cut_item = replace(item, status="incomplete")
            self._conversation.replace(with_text(cut_item, cut.text, full_text=script.written))
            if self._cut_short is not None:
                self._cut_short(item_id, cut.played_ms)
        return cut

    def _tell_truncated(self, item_id: str, cut: Cut) -> None:
        item = self._conversation.find(item_id)
        if item is not None:
            self._caller.tell(ItemTruncated(item, 0, cut.played_ms))

    def _unfinished(self) -> list[Reply]:
        replies = [*self._by_item.values(), *([self.active] if self.active is not None else [])]
        unique = {reply.id: reply for reply in replies if not reply.out_of_band}
        return list(unique.values())

    def _current(self) -> Reply | None:
        return next(iter(self._unfinished()), None)


_HANDLERS: dict[type, Callable[[Replies, Reply, Any], None]] = {
    ResponseCreated: Replies._created,
    TextDelta: Replies._text,
    TextDone: Replies._text_done,
    AudioDelta: Replies._audio,
    AudioDone: Replies._audio_done,
    ToolCalled: Replies._tool,
    ResponseDone: Replies._response_done,
}
