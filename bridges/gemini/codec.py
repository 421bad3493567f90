"""Gemini Live in our vocabulary.

A session is configured once, by its first message. The model names neither turns nor responses: :class:`Turns` makes the
caller's, :class:`bridges.answers.Answers` brackets what the model says, and one frame may bring several things at once.
What is written waits for the request to answer it and goes as one message; context goes at once, but not into a running
answer, which it would interrupt. There is no word to stop an answer or to say how much of it was heard: the rest of one that
nobody wants is passed over until its turn is complete. Source: Gemini API reference, "Live API".
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from bridges.answers import Answers
from bridges.codec import Message
from bridges.gemini import setup, wire
from bridges.gemini.abilities import IN_RATE, capabilities
from bridges.gemini.failures import ended
from bridges.gemini.turns import Turns
from bridges.gemini.usage import Tokens
from bridges.options import Gemini
from mediaserver.bridge import Opening
from mediaserver.clock import new_id
from mediaserver.commands import ClearInput, Command, CommitInput, CreateItem, Interrupt, Respond, UpdateSession
from mediaserver.errors import BridgeError, Unsupported
from mediaserver.events import (
    AudioDelta,
    AudioDone,
    Event,
    GoingAway,
    ReplyCut,
    ResponseCreated,
    ResponseDone,
    ResponseStatus,
    Resumable,
    ToolsCancelled,
    UsageReported,
)
from mediaserver.items import Item
from mediaserver.remember import remember
from mediaserver.settings import Settings

MAX_BUFFERED = IN_RATE * 2 * 60
"""Bytes of a turn that the client ends by itself: a minute, the oldest are dropped."""
CHUNK = IN_RATE * 2 // 10
MAX_HELD = 64
MAX_CALLS = 128
MAX_UNKNOWN = 64
DUE_S = 0.2

_USUAL = (None, "TURN_COMPLETE_REASON_UNSPECIFIED", "NEED_MORE_INPUT")


class GeminiCodec:
    """Satisfies :class:`bridges.codec.Codec`. ``unknown`` counts the names of messages that we do not know."""

    quiet_s: float | None = DUE_S
    idle_s: float | None = None

    def __init__(self, chosen: Gemini) -> None:
        self.capabilities = capabilities(chosen)
        self.ready = False
        self.unknown: Counter[str] = Counter()
        self._chosen = chosen
        self._settings = Settings("")
        self._history: Sequence[Item] = ()
        self._resuming = False
        self._unanswered = ""  # what the history ends with, should its answer be asked for
        self._out: deque[Message] = deque(maxlen=MAX_HELD)
        self._due: deque[Event] = deque(maxlen=MAX_HELD)  # what follows from a command
        self._manual = bytearray()
        self._held: deque[dict[str, Any]] = deque(maxlen=MAX_HELD)  # turns that were not sent yet
        self._turns = Turns()
        self._answers = Answers()
        self._tokens = Tokens(cumulative=chosen.usage == "session")
        self._asked: dict[str, bool] = {}  # answers that were asked for, and whether they are to be written
        self._writes = False  # the present answer is a written one
        self._newest: str | None = None
        self._flush = False  # a turn has ended: what was held can be sent
        self._running = False  # the model is in the middle of a turn
        self._dropping = False  # nobody wants the rest of it
        self._generated = False  # it has said that it is complete
        self._answered = False  # it has completed a turn
        self._continues = False  # a function's output was given: it goes on by itself
        self._calls: dict[str, tuple[str, bool]] = {}
        self._cancelled: deque[str] = deque(maxlen=MAX_CALLS)
        self._reports = 0

    # --- to the model -------------------------------------------------------------------------------------------------

    def open(self, opening: Opening) -> Sequence[Message]:
        """Return the setup; a session that is taken up again knows what was said."""
        self._settings, self._resuming = opening.settings, opening.resume is not None
        self._turns.written = opening.settings.transcription is not None
        self._history = () if self._resuming else opening.history
        last = self._history[-1] if self._history else None
        if last is not None and (last.role == "user" or last.kind == "function_call_output"):
            self._unanswered = "Please continue." if last.kind == "function_call_output" else last.text
        first = setup.setup(self._chosen, opening.settings, history=bool(self._history), resume=opening.resume)
        return (wire.write({"setup": first}),)

    def hear(self, pcm: bytes) -> Sequence[Message]:
        """Send one frame, or keep it for a turn that the client ends by itself."""
        if not self.ready:
            return ()
        if self._settings.turn_detection is not None:
            return (_sound(pcm),)
        self._manual += pcm
        del self._manual[: max(0, len(self._manual) - MAX_BUFFERED)]
        return ()

    def encode(self, command: Command) -> Sequence[Message]:
        """Return the messages that ask this. Raises Unsupported."""
        row = _COMMANDS.get(type(command))
        if row is None:
            raise Unsupported("the model behind this call has no word for this")
        return row(self, command)

    def replies(self) -> Sequence[Message]:
        """Return what was said before, once the setup is taken, and what waited for the end of an answer."""
        told = [*self._out]
        self._out.clear()
        flush, self._flush = self._flush, False
        if flush and self._held and self._in_order and not self._busy:
            told += self._send_held(answer=False)
        return told

    def idle(self) -> Sequence[Message]:
        """Nothing keeps it alive but WebSocket pings."""
        return ()

    def goodbye(self) -> Sequence[Message]:
        """Nothing: a close is the end."""
        return ()

    def quiet(self) -> Sequence[Event]:
        """Tell what follows from a command without waiting for the model's next word."""
        return self._overdue()

    def settle(self) -> Sequence[Event]:
        """Return the tokens that were counted in an answer that has no end."""
        return self._reported()

    def closed(self, code: int, reason: str) -> BridgeError | None:
        """Return what a close means."""
        return ended(code, reason, resuming=self._resuming and not self.ready)

    @property
    def _in_order(self) -> bool:
        return self._chosen.text_in == "client_content"

    @property
    def _busy(self) -> bool:
        """The model answers or is about to; content would interrupt it."""
        return self._running or self._continues or bool(self._asked)

    def _update(self, command: UpdateSession) -> Sequence[Message]:
        before, self._settings = self._settings, command.settings
        told: dict[str, Any] = {}
        if command.settings.instructions != before.instructions:
            told["systemInstruction"] = setup.instructions(command.settings)
        if command.settings.tools != before.tools:
            told["tools"] = {"tools": setup.functions(self._chosen, command.settings)}
        if told and not self._chosen.context_update:
            self._settings = before
            raise Unsupported("the model behind this call keeps its instructions and functions")
        return (wire.write({"contextUpdate": told}),) if told else ()

    def _item(self, command: CreateItem) -> Sequence[Message]:
        item = command.item
        if item.kind == "function_call_output":
            return self._output(item)
        turns = setup.turns((item,))
        if item.kind == "message" and item.role == "user":
            if not turns:
                raise Unsupported("the model behind this call takes written text, and sound only as it is spoken")
            return self._hold(turns)
        if not self._in_order:
            raise Unsupported("the model behind this call takes no further context")
        return self._context(turns)

    def _context(self, turns: list[dict[str, Any]]) -> Sequence[Message]:
        """Tell what asks for no answer: after what was written before it, and never into an answer."""
        if self._held or self._busy or not self._in_order:
            return self._hold(turns)
        return (_content(turns, answer=False),) if turns else ()

    def _hold(self, turns: list[dict[str, Any]]) -> Sequence[Message]:
        if len(self._held) + len(turns) > MAX_HELD:
            raise Unsupported("too many written turns wait for an answer: ask for one")
        self._held.extend(turns)
        return ()

    def _send_held(self, *, answer: bool) -> Sequence[Message]:
        turns = [*self._held]
        self._held.clear()
        if self._in_order:
            return (_content(turns, answer=answer),)
        text = "\n".join(part["text"] for turn in turns for part in turn["parts"])
        return (wire.write({"realtimeInput": {"text": text}}),)

    def _output(self, item: Item) -> Sequence[Message]:
        """Answer a call; one of an earlier session is told as text, one that was called off is not answered."""
        call_id = item.call_id or ""
        if call_id in self._cancelled:
            return ()
        called = self._calls.pop(call_id, None)
        if called is None:
            return self._context(setup.turns((item,)))
        name, theirs = called
        self._continues = True
        self._tokens.news()
        # Vertex refuses ids (litellm), the Gemini API wants those that it gave
        told = setup.output(item, name, call_id if theirs and self._chosen.backend == "gemini" else None)
        return (wire.write({"toolResponse": {"functionResponses": [told]}}),)

    def _respond(self, command: Respond) -> Sequence[Message]:
        if command.own_input or command.out_of_band:
            raise Unsupported("the model behind this call answers in the conversation only")
        writes = "audio" not in command.settings.output_modalities
        if self._chosen.writes == "text" and writes == setup.speaks(self._chosen, self._settings):
            raise Unsupported("the model behind this call speaks or writes for a whole session")
        asked = self._asking()
        self._answers.ask(command.response_id)
        remember(self._asked, command.response_id, writes, MAX_HELD)
        self._dropping = self._dropping and self._running
        return asked

    def _asking(self) -> Sequence[Message]:
        """Return what asks for an answer: nothing where the model owes one by itself, for speech or a function's output."""
        self._tokens.news()
        unanswered, self._unanswered = self._unanswered, ""
        if self._held:
            return self._send_held(answer=True)
        if self._continues or self._turns.waiting:
            return ()
        if self._in_order:
            return (_content([], answer=True),)
        if not unanswered:
            raise Unsupported("the model behind this call answers by itself: say or write something first")
        return (wire.write({"realtimeInput": {"text": unanswered}}),)

    def _interrupt(self, command: Interrupt) -> Sequence[Message]:
        """The model cannot be stopped: what it still says of this answer is not told."""
        active = self._answers.active
        self._answers.unwanted(command.response_id, command.reason)
        if active is not None and active.id == command.response_id:
            self._due.extend(self._drop())
        return ()

    def _commit(self, _command: CommitInput) -> Sequence[Message]:
        """Say the whole turn at once: its sound would have interrupted an answer before."""
        if self._settings.turn_detection is not None:
            return (wire.write({"realtimeInput": {"audioStreamEnd": True}}),)  # the nearest: it ends what is heard
        sound, self._manual = bytes(self._manual), bytearray()
        if not sound:
            return ()
        self._due.extend(self._turns.taken())
        self._tokens.news()
        chunks = [_sound(sound[start : start + CHUNK]) for start in range(0, len(sound), CHUNK)]
        return (_activity("activityStart"), *chunks, _activity("activityEnd"))

    def _clear(self, _command: ClearInput) -> Sequence[Message]:
        if self._settings.turn_detection is not None:
            raise Unsupported("the model behind this call has heard it already")
        self._manual.clear()
        return ()

    # --- from the model -----------------------------------------------------------------------------------------------

    def receive(self, message: Message) -> Sequence[Event]:
        """Return what a message tells, part by part. Raises Garbled."""
        read, unknown = wire.read(message)
        for name in unknown:
            self.unknown[name if name in self.unknown or len(self.unknown) < MAX_UNKNOWN else "other"] += 1
        told = [*self._overdue()]
        for field, row in _ROWS:
            value = getattr(read, field)
            if value is not None:
                told += row(self, value)
        return told if self._answers.active is not None else [*told, *self._reported()]

    def _overdue(self) -> Sequence[Event]:
        events = tuple(self._due)
        self._due.clear()
        return events

    def _taken(self, _value: dict[str, Any]) -> Sequence[Event]:
        if self._history:
            self._out.append(_content(setup.turns(self._history), answer=True))  # this one only ends the history
            self._history = ()
        self.ready = True
        return ()

    def _content(self, content: wire.ServerContent) -> Sequence[Event]:
        told: list[Event] = []
        if content.input_transcription is not None:
            told += self._heard(content.input_transcription)
        if content.interrupted:
            told += self._interrupted()
        if content.model_turn is not None:
            for part in content.model_turn.parts:
                told += self._part(part)
        if content.output_transcription is not None and content.output_transcription.text:
            told += self._says(lambda: self._answers.text(content.output_transcription.text))  # type: ignore[union-attr]
        if content.generation_complete:
            self._generated = True
            told += self._turns.over()
        if content.turn_complete:
            told += self._complete(content)
        return told

    def _heard(self, transcript: wire.Transcript) -> Sequence[Event]:
        self._tokens.news()
        self._dropping = self._dropping and (self._running or not transcript.finished)
        return self._turns.said(transcript.text, finished=transcript.finished)

    def _part(self, part: wire.Part) -> Sequence[Event]:
        """Sound, or text where the model writes; its thoughts are its own."""
        blob, text = part.inline_data, part.text
        if blob is not None:
            return self._says(lambda: self._answers.audio(blob.data))
        if text and not part.thought and not setup.speaks(self._chosen, self._settings):
            return self._says(lambda: self._answers.text(text))
        return ()

    def _says(self, say: Callable[[], Sequence[Event]]) -> Sequence[Event]:
        """The model answers: what the caller said before is a turn."""
        self._running = True
        self._tokens.news()
        if self._dropping:
            return ()
        begun = self._begin()
        active = self._answers.active
        if active is not None and active.unwanted:
            return (*begun, *self._drop())
        said = say()
        return (*begun, *(each for each in said if not (self._writes and isinstance(each, AudioDelta))))

    def _begin(self) -> Sequence[Event]:
        """Open the answer if none is open."""
        if self._answers.active is not None:
            return ()
        owed, self._continues, self._unanswered = self._continues, False, ""
        (created,) = self._answers.begin(self._settings.voice)
        assert isinstance(created, ResponseCreated)  # noqa: S101 - what begin returns when none was open
        asked = created.response_id in self._asked
        usual = "audio" not in self._settings.output_modalities
        self._writes = self._asked.pop(created.response_id, usual)
        self._newest = created.response_id
        turn = self._turns.answered(asked=asked or owed)
        return (*turn, replace(created, modalities=("text",) if self._writes else ("audio",)))

    def _interrupted(self) -> Sequence[Event]:
        """The caller spoke, or something was written, into the answer: what of it was not played is not wanted."""
        cut = () if self._dropping else (ReplyCut(self._newest),)
        self._running, self._generated, self._dropping = False, False, True
        return (*cut, *self._counted_in(self._answers.cut()), *self._turns.over())

    def _complete(self, content: wire.ServerContent) -> Sequence[Event]:
        """The turn is over; with ``IN_PROGRESS`` more of the same will be said."""
        if content.interaction_status == "IN_PROGRESS":
            return ()
        told = self._open_if_empty()
        usual = content.turn_complete_reason in _USUAL
        status: ResponseStatus = "completed" if usual else "incomplete"
        reason = None if usual else str(content.turn_complete_reason).lower()
        told += self._finished(self._answers.finish(status, reason))
        self._running = self._dropping = self._generated = False
        self._flush = self._answered = True
        return (*told, *self._turns.over())

    def _open_if_empty(self) -> tuple[Event, ...]:
        """Open an answer that was asked for when the turn ends without a word; the end of another turn opens none."""
        empty = self._generated and not self._running and not self._dropping and self._answers.active is None
        return (*self._begin(),) if empty and self._asked else ()

    def _drop(self) -> Sequence[Event]:
        """End the answer that nobody wants; what the model still says of its turn is passed over."""
        self._dropping = True
        return self._counted_in(self._answers.finish())

    def _finished(self, told: Sequence[Event]) -> tuple[Event, ...]:
        unsounded = (each for each in told if not (self._writes and isinstance(each, AudioDone)))
        return (*self._counted_in([*unsounded]),)

    def _counted_in(self, told: Sequence[Event]) -> Sequence[Event]:
        """Put the tokens that were counted into the end of the answer."""
        if not any(isinstance(each, ResponseDone) for each in told):
            return told
        counted = self._tokens.settle()
        return [replace(each, usage=counted) if isinstance(each, ResponseDone) else each for each in told]

    def _reported(self) -> Sequence[Event]:
        """Tell tokens that were counted outside an answer."""
        counted = self._tokens.settle()
        if counted is None:
            return ()
        self._reports += 1
        return (UsageReported(counted, "turn", f"turn-{self._reports}"),)

    def _count(self, told: wire.UsageMetadata) -> Sequence[Event]:
        self._tokens.count(told)
        return ()

    def _tools(self, told: wire.ToolCall) -> Sequence[Event]:
        """Functions are called; they end the answer, so that they can be run."""
        asked = []
        for call in told.function_calls:
            call_id = call.id or new_id("call")
            remember(self._calls, call_id, (call.name, call.id is not None), MAX_CALLS)
            asked.append((call_id, call.name, call.arguments))
        if not asked:
            return ()
        self._tokens.news()
        self._dropping = False
        begun = self._begin()
        return (*begun, *self._finished(self._answers.calls(asked)))

    def _not_wanted(self, told: wire.ToolCallCancellation) -> Sequence[Event]:
        gone = tuple(call_id for call_id in told.ids if self._calls.pop(call_id, None) is not None)
        self._cancelled.extend(gone)
        return (ToolsCancelled(gone),) if gone else ()

    def _leaving(self, told: wire.GoAway) -> Sequence[Event]:
        return (GoingAway(wire.seconds(told.time_left)),)

    def _resumable(self, told: wire.Resumption) -> Sequence[Event]:
        """Tell a handle of a session that knows what it was told: an answer has shown that, and nothing is held back."""
        known = self._answered and not self._held
        return (Resumable(told.new_handle if told.resumable and known else None),)


def _sound(pcm: bytes) -> str:
    """Written by hand: this is said fifty times a second."""
    data = b64encode(pcm).decode()
    return '{"realtimeInput":{"audio":{"mimeType":"audio/pcm;rate=16000","data":"' + data + '"}}}'


def _activity(edge: str) -> str:
    return wire.write({"realtimeInput": {edge: {}}})


def _content(turns: list[dict[str, Any]], *, answer: bool) -> str:
    """Return turns in order; without any, ``answer`` asks for what the conversation so far wants."""
    return wire.write({"clientContent": {**({"turns": turns} if turns else {}), "turnComplete": answer}})


_COMMANDS: dict[type[Command], Callable[[GeminiCodec, Any], Sequence[Message]]] = {
    UpdateSession: GeminiCodec._update,
    CreateItem: GeminiCodec._item,
    Respond: GeminiCodec._respond,
    Interrupt: GeminiCodec._interrupt,
    CommitInput: GeminiCodec._commit,
    ClearInput: GeminiCodec._clear,
}
_ROWS: tuple[tuple[str, Callable[[GeminiCodec, Any], Sequence[Event]]], ...] = (
    ("setup_complete", GeminiCodec._taken),
    ("usage_metadata", GeminiCodec._count),
    ("server_content", GeminiCodec._content),
    ("tool_call", GeminiCodec._tools),
    ("tool_call_cancellation", GeminiCodec._not_wanted),
    ("session_resumption_update", GeminiCodec._resumable),
    ("go_away", GeminiCodec._leaving),
)
"""The parts of a message in the order in which they are to be taken: a count belongs to the turn that ends beside it."""
