"""Gemini Live in our vocabulary.

A session is configured once, by its first message. The model names no turns and no responses, so user items get names of
ours and :class:`bridges.answers.Answers` brackets what it says; a frame may bring several things at once. What the caller
said is written down independently of the answer: the turn is committed when the model begins to answer, and its transcript
is final when it is finished or the next turn begins. There is no word to stop an answer or to say how much of it was heard.
Source: Gemini API reference, "Live API".
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any

from bridges.answers import Answers
from bridges.codec import Message
from bridges.gemini import setup, wire
from bridges.gemini.usage import usage
from bridges.options import Gemini
from mediaserver.bridge import Capabilities, Feature, Opening
from mediaserver.clock import new_id
from mediaserver.commands import ClearInput, Command, CommitInput, CreateItem, Interrupt, Respond
from mediaserver.errors import BridgeError, Unsupported
from mediaserver.events import (
    Event,
    GoingAway,
    InputCommitted,
    ReplyCut,
    ResponseDone,
    Resumable,
    ToolsCancelled,
    TranscriptFinal,
    TranscriptPartial,
    UsageReported,
)
from mediaserver.items import Item, Usage
from mediaserver.settings import Settings

IN_RATE, OUT_RATE = 16000, 24000
MAX_SESSION_S = 600.0
MAX_BUFFERED = 60 * 50
"""Frames of a turn that the client ends by itself: a minute, the oldest are dropped."""
MAX_HELD = 32
MAX_UNKNOWN = 64

_CAN: frozenset[Feature] = frozenset(
    (
        *(
            "manual_turns",
            "turn_tuning",
            "no_interruption",
            "clear_input",
            "text_turns",
            "context_items",
            "text_output",
        ),
        *("tools", "transcripts", "partial_transcripts", "token_usage", "resume", "temperature", "max_output_tokens"),
    )
)
_REASONS: tuple[tuple[str, str, bool], ...] = (
    ("api key", "unauthorized", False),
    ("credential", "unauthorized", False),
    ("permission", "unauthorized", False),
    ("quota", "rate_limited", True),
    ("exhausted", "rate_limited", True),
    ("deadline", "session_expired", True),
)
"""What a close's reason speaks of, our code, and whether another try can help: the reason is the only error there is."""
_CLOSES: dict[int, tuple[str, bool]] = {
    1000: ("session_expired", True),
    1006: ("connection_lost", True),
    1007: ("refused", False),
    1008: ("refused", False),
    1009: ("too_large", False),
    1011: ("unavailable", True),
}


class GeminiCodec:
    """Satisfies :class:`bridges.codec.Codec`. ``unknown`` counts the names of messages that we do not know."""

    quiet_s: float | None = None
    idle_s: float | None = None

    def __init__(self, chosen: Gemini) -> None:
        self._chosen = chosen
        self.unknown: Counter[str] = Counter()
        self._settings = Settings("")
        self._history: Sequence[Item] = ()
        self._ready = False
        self._outgoing: list[Message] = []
        self._answers = Answers()
        self._cut = False
        self._said = ""  # what the caller says, so far
        self._item: str | None = None  # the turn that it belongs to, once it is committed
        self._last_item: str | None = None
        self._counted: wire.UsageMetadata | None = None
        self._manual: deque[bytes] = deque(maxlen=MAX_BUFFERED)
        self._held: list[str] = []
        self._calls: dict[str, str] = {}
        self._reports = 0

    @property
    def capabilities(self) -> Capabilities:
        """What the model can do."""
        return Capabilities(
            input_rate=IN_RATE,
            output_rate=OUT_RATE,
            hears="always",
            turns="provider",
            voices=self._chosen.voices or setup.VOICES,
            remembers=True,
            can=_CAN,
            speech_events="none",
            goes_on_after_tools=True,
            max_session_s=self._chosen.max_session_s or MAX_SESSION_S,
        )

    @property
    def ready(self) -> bool:
        """The model has taken its setup, and what was said before."""
        return self._ready

    # --- to the model -------------------------------------------------------------------------------------------------

    def open(self, opening: Opening) -> Sequence[Message]:
        """Return the setup; a session that is taken up again knows what was said."""
        self._settings = opening.settings
        self._history = () if opening.resume else opening.history
        first = setup.setup(self._chosen, opening.settings, history=bool(self._history), resume=opening.resume)
        return (wire.write({"setup": first}),)

    def hear(self, pcm: bytes) -> Sequence[Message]:
        """Send one frame, or keep it for a turn that the client ends by itself."""
        if not self._ready:
            return ()
        if self._settings.turn_detection is None:
            self._manual.append(pcm)
            return ()
        return (_sound(pcm),)

    def encode(self, command: Command) -> Sequence[Message]:
        """Return the messages that ask this. Raises Unsupported."""
        row = _COMMANDS.get(type(command))
        if row is None:
            raise Unsupported("the model behind this call cannot change in mid-session")
        return row(self, command)

    def replies(self) -> Sequence[Message]:
        """Return what was said before, once the setup is taken."""
        told, self._outgoing = self._outgoing, []
        return told

    def idle(self) -> Sequence[Message]:
        """Nothing keeps it alive but WebSocket pings."""
        return ()

    def settle(self) -> Sequence[Event]:
        """Nothing: the provider counts by itself."""
        return ()

    def goodbye(self) -> Sequence[Message]:
        """The microphone is closed."""
        automatic = self._ready and self._settings.turn_detection is not None
        return (wire.write({"realtimeInput": {"audioStreamEnd": True}}),) if automatic else ()

    def quiet(self) -> Sequence[Event]:
        """Every answer has an end of its own."""
        return ()

    def _create(self, command: CreateItem) -> Sequence[Message]:
        item = command.item
        if item.kind == "function_call_output":
            return self._output(item)
        if item.kind == "message" and item.role == "user":
            if len(self._held) >= MAX_HELD:
                raise Unsupported("too many written turns wait for an answer: ask for one")
            self._held.append(item.text)
            return ()
        turns = setup.turns((item,))
        return (wire.write({"clientContent": {"turns": turns, "turnComplete": False}}),) if turns else ()

    def _output(self, item: Item) -> Sequence[Message]:
        """Answer a call; one that this session has not made is told as text."""
        name = self._calls.pop(item.call_id or "", None)
        if name is None:
            turns = setup.turns((item,))
            return (wire.write({"clientContent": {"turns": turns, "turnComplete": False}}),)
        told = setup.output(item, name, with_id=self._chosen.backend == "gemini")
        return (wire.write({"toolResponse": {"functionResponses": [told]}}),)

    def _respond(self, command: Respond) -> Sequence[Message]:
        if command.own_input or command.out_of_band:
            raise Unsupported("the model behind this call answers in the conversation only")
        self._answers.ask(command.response_id)
        self._cut = False
        if not self._held:
            return ()  # it answers the caller's speech and the outputs of functions by itself
        text = "\n".join(self._held)
        self._held.clear()
        if self._chosen.text_in == "realtime_input":
            return (wire.write({"realtimeInput": {"text": text}}),)
        turn = {"role": "user", "parts": [{"text": text}]}
        return (wire.write({"clientContent": {"turns": [turn], "turnComplete": True}}),)

    def _interrupt(self, command: Interrupt) -> Sequence[Message]:
        self._answers.unwanted(command.response_id, command.reason)
        return ()

    def _commit(self, _command: CommitInput) -> Sequence[Message]:
        """Say the whole turn at once: its sound would have interrupted an answer before."""
        frames = [_sound(pcm) for pcm in self._manual]
        self._manual.clear()
        begin = wire.write({"realtimeInput": {"activityStart": {}}})
        return (begin, *frames, wire.write({"realtimeInput": {"activityEnd": {}}}))

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
            self.unknown[name if len(self.unknown) < MAX_UNKNOWN else "other"] += 1
        told: list[Event] = []
        for field, row in _ROWS:
            value = getattr(read, field)
            if value is not None:
                told += row(self, value)
        return told

    def _taken(self, _value: dict[str, Any]) -> Sequence[Event]:
        if self._history:
            turns = setup.turns(self._history)
            self._outgoing.append(wire.write({"clientContent": {"turns": turns, "turnComplete": True}}))
            self._history = ()
        self._ready = True
        return ()

    def _content(self, content: wire.ServerContent) -> Sequence[Event]:
        told: list[Event] = []
        if content.input_transcription is not None:
            told += self._heard(content.input_transcription)
        if content.interrupted:
            told += self._interrupted()
        if content.model_turn is not None and not self._cut:
            for part in content.model_turn.parts:
                told += self._part(part)
        if content.output_transcription is not None and content.output_transcription.text and not self._cut:
            told += self._answering(self._answers.text(content.output_transcription.text, self._settings.voice))
        if content.turn_complete:
            told += self._complete(content)
        return told

    def _part(self, part: wire.Part) -> Sequence[Event]:
        if part.inline_data is not None:
            pcm = wire.sound(part.inline_data)
            return self._answering(self._answers.audio(pcm, self._settings.voice))
        if part.text and not part.thought:
            return self._answering(self._answers.text(part.text, self._settings.voice))
        return ()

    def _answering(self, said: Sequence[Event]) -> Sequence[Event]:
        """The model answers: what the caller said before that is a turn."""
        return (*self._commit_turn(), *said)

    def _heard(self, transcript: wire.Transcript) -> Sequence[Event]:
        """More of what the caller says; after the turn was committed it still belongs to that one until it is finished."""
        self._said += transcript.text
        told = [*(self._commit_turn() if transcript.finished else ())]
        if self._item is not None and transcript.text:
            told.append(TranscriptPartial(self._item, self._said.strip(), len(self._said.strip())))
        if transcript.finished:
            told += self._finish_transcript()
        return told

    def _commit_turn(self) -> Sequence[Event]:
        if self._item is not None or not self._said.strip():
            return ()
        self._item, previous = new_id("item"), self._last_item
        self._last_item = self._item
        return (InputCommitted(self._item, previous),)

    def _finish_transcript(self) -> Sequence[Event]:
        item, text = self._item, self._said.strip()
        self._item, self._said = None, ""
        return () if item is None else (TranscriptFinal(item, text),)

    def _interrupted(self) -> Sequence[Event]:
        answer = self._answers.active
        self._cut = True
        return () if answer is None else (ReplyCut(answer.id), *self._counted_in(self._answers.cut()))

    def _complete(self, content: wire.ServerContent) -> Sequence[Event]:
        """The turn is over; with ``IN_PROGRESS`` more of the same will be said."""
        self._cut = False
        if content.interaction_status == "IN_PROGRESS":
            return ()
        status = (
            "completed" if content.turn_complete_reason in (None, "TURN_COMPLETE_REASON_UNSPECIFIED") else "incomplete"
        )
        ended = self._answers.finish(status)  # type: ignore[arg-type]  # both are statuses
        return (*self._counted_in(ended), *self._finish_transcript())

    def _counted_in(self, ended: Sequence[Event]) -> Sequence[Event]:
        """Put the tokens that were counted into the end of the answer; each count is told once."""
        if not ended or self._counted is None:
            return ended
        counted, self._counted = usage(self._counted), None
        return [_with(event, counted) if isinstance(event, ResponseDone) else event for event in ended]

    def _count(self, told: wire.UsageMetadata) -> Sequence[Event]:
        """Keep the last count until the answer ends; one that comes between two answers is told by itself."""
        if self._answers.active is not None:
            self._counted = told
            return ()
        self._reports += 1
        return (UsageReported(usage(told), "turn", f"turn-{self._reports}"),)

    def _tools(self, told: wire.ToolCall) -> Sequence[Event]:
        asked = []
        for call in told.function_calls:
            call_id = call.id or new_id("call")
            if len(self._calls) >= MAX_HELD + wire.MAX_CALLS:
                self._calls.pop(next(iter(self._calls)))
            self._calls[call_id] = call.name
            asked.append((call_id, call.name, wire.write(call.args)))
        self._cut = False
        return (*self._commit_turn(), *self._counted_in(self._answers.calls(asked, self._settings.voice)))

    def _not_wanted(self, told: wire.ToolCallCancellation) -> Sequence[Event]:
        gone = tuple(call_id for call_id in told.ids if self._calls.pop(call_id, None) is not None)
        return (ToolsCancelled(gone),) if gone else ()

    def _leaving(self, told: wire.GoAway) -> Sequence[Event]:
        return (GoingAway(wire.seconds(told.time_left)),)

    def _resumable(self, told: wire.Resumption) -> Sequence[Event]:
        return (Resumable(told.new_handle if told.resumable else None),)

    def closed(self, code: int, reason: str) -> BridgeError | None:
        """Return what a close means; its reason is the only error that this protocol has."""
        word, retryable = _CLOSES.get(code, ("provider_error", True))
        said = reason.lower()
        for part, meaning, again in _REASONS:
            if part in said:
                word, retryable = meaning, again
                break
        return BridgeError(f"the provider closed the connection ({code})", code=word, retryable=retryable)


def _sound(pcm: bytes) -> str:
    """Written by hand: this is said fifty times a second."""
    data = b64encode(pcm).decode()
    return '{"realtimeInput":{"audio":{"mimeType":"audio/pcm;rate=16000","data":"' + data + '"}}}'


def _with(event: ResponseDone, counted: Usage) -> ResponseDone:
    return ResponseDone(event.response_id, event.status, event.reason, counted)


_COMMANDS: dict[type[Command], Callable[[GeminiCodec, Any], Sequence[Message]]] = {
    CreateItem: GeminiCodec._create,
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
