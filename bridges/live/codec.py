"""OpenAI's GPT-Live in our vocabulary: full duplex, without turns, responses, or an end of anything.

The model listens and speaks at the same time and decides by itself when to yield, so there is no interruption to tell. Its
sound comes in real time and never pauses: silence is sent too. What it says is bracketed by
:class:`bridges.answers.Answers`: an answer begins with a word or with sound that is no silence, and ends when neither came
for a while. A caller's turn ends at a gap in its transcript or when the model begins to speak. What "a while" is tells
:class:`bridges.live.pace.Pace`. Functions are called by a Responses model that the session delegates to.
Source: OpenAI API reference, "Live"; the pace and the silence are as in recordings of the service that others published.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bridges.answers import Answers
from bridges.closes import closed
from bridges.codec import Garbled, Message
from bridges.live import setup, wire
from bridges.live.pace import Mark, Pace
from bridges.meter import Meter
from bridges.options import GptLive
from mediaserver.audio.levels import dbfs
from mediaserver.bridge import Capabilities, Feature, Opening
from mediaserver.clock import new_id
from mediaserver.commands import Command, CreateItem, Interrupt, Respond, UpdateSession
from mediaserver.errors import BridgeError, Unsupported
from mediaserver.events import (
    Event,
    InputCommitted,
    Problem,
    TranscriptFinal,
    TranscriptPartial,
    UsageReported,
)
from mediaserver.items import Item, Usage
from mediaserver.settings import Settings

ANSWER_ENDS_MS = 1000
"""Neither a word nor a sound of an answer for so long: it is over."""
SILENCE_DBFS = -45.0
"""What is quieter, over one delta (100 ms), is the silence between answers or a pause in one."""
TURN_ENDS_MS = 1200
"""A gap in what the caller says, in the session's time: what follows is another turn."""
MAX_CALLS = 128
MAX_UNKNOWN = 64
NO_BACKEND = "Nothing can be looked up or done for this. Answer from what you know, or say that you cannot."
"""Told when the model delegates to us: the task itself is in no event (reference, ``session.delegation.created``)."""

_CAN: frozenset[Feature] = frozenset(("context_items", "transcripts", "partial_transcripts"))
_CAN_DELEGATE: frozenset[Feature] = frozenset(("tools", "tool_declarations", "tool_choice"))
_CHANGES = ("tools", "tool_choice", "parallel_tool_calls", "reasoning_effort")

_ERRORS: dict[str, tuple[str, bool]] = {
    "invalid_api_key": ("unauthorized", False),
    "model_not_found": ("refused", False),
    "insufficient_quota": ("rate_limited", False),
    "credit_balance_exhausted": ("rate_limited", False),
    "rate_limit_exceeded": ("rate_limited", True),
    "session_expired": ("session_expired", True),
}
"""Fatal at any time; any other error is fatal only before the session has begun."""
_ENDS: dict[str, tuple[str, bool]] = {
    "expired": ("session_expired", True),
    "content": ("refused", False),
    "connection_lost": ("connection_lost", True),
}
"""Reasons of ``session.closed`` that are no ordinary end."""


@dataclass(slots=True)
class Turn:
    """What the caller is saying; ``end_ms`` in the session's time, ``told`` when the last of it was told."""

    item_id: str
    text: str
    end_ms: int
    told: Mark


class LiveCodec:
    """Satisfies :class:`bridges.codec.Codec`. ``unknown`` counts the types of events that we do not know."""

    quiet_s: float | None = ANSWER_ENDS_MS / 1000
    idle_s: float | None = None

    def __init__(self, chosen: GptLive) -> None:
        self._chosen = chosen
        self.unknown: Counter[str] = Counter()
        self._settings = Settings("")
        self._ready = False
        self._answers = Answers()
        self._meter = Meter(setup.RATE)
        self._pace = Pace()
        self._spoke = self._pace.mark()
        self._turn: Turn | None = None
        self._last_item: str | None = None
        self._outgoing: list[Message] = []
        self._calls: dict[str, str] = {}
        self._calling: list[tuple[str, str, str]] = []
        self._answered = False
        self._seconds = 0.0
        self._end: str | None = None

    @property
    def capabilities(self) -> Capabilities:
        """What the model can do; functions only where a delegate is configured."""
        delegates = bool(self._chosen.delegate_model)
        return Capabilities(
            input_rate=setup.RATE,
            output_rate=setup.RATE,
            hears="always",
            turns="provider",
            live_output=True,
            text_output=False,
            tools=delegates,
            voices=self._chosen.voices or setup.VOICES,
            remembers=True,
            can=_CAN | _CAN_DELEGATE if delegates else _CAN,
            changes=frozenset(_CHANGES) if delegates else frozenset(),
            speech_events="none",
            goes_on_after_tools=False,
            max_session_s=self._chosen.max_session_s,
        )

    @property
    def ready(self) -> bool:
        """The session has started."""
        return self._ready

    # --- to the model -------------------------------------------------------------------------------------------------

    def open(self, opening: Opening) -> Sequence[Message]:
        """Start the session. Raises Unsupported."""
        self._settings = opening.settings
        return (wire.write(wire.Start(session=setup.session(self._chosen, opening.settings, opening.history))),)

    def hear(self, pcm: bytes) -> Sequence[Message]:
        """Nothing may be sent before the session has started."""
        if not self._ready:
            return ()
        self._meter.hear(pcm)
        self._pace.heard(self._meter.heard_ms)
        return (wire.append(pcm),)

    def encode(self, command: Command) -> Sequence[Message]:
        """Return the events that ask this. Raises Unsupported."""
        row = _COMMANDS.get(type(command))
        if row is None:
            raise Unsupported("the model behind this call has no word for this")
        return [wire.write(message) for message in row(self, command)]

    def replies(self) -> Sequence[Message]:
        """Return what the model is told about a task that it handed to us."""
        told, self._outgoing = self._outgoing, []
        return told

    def idle(self) -> Sequence[Message]:
        """Nothing: sound never pauses."""
        return ()

    def settle(self) -> Sequence[Event]:
        """Nothing: the provider counts by itself."""
        return ()

    def goodbye(self) -> Sequence[Message]:
        """Hang up; of a session that has not started there is nothing to say."""
        return (wire.write(wire.Close()),) if self._ready else ()

    def _update(self, command: UpdateSession) -> Sequence[wire.Out]:
        if not self._chosen.delegate_model:
            raise Unsupported("the model behind this call cannot be changed in mid-session")
        before, self._settings = self._settings, command.settings
        if all(getattr(before, name) == getattr(command.settings, name) for name in _CHANGES):
            return ()
        return [wire.Update(session=setup.change(command.settings), event_id=command.event_id)]

    def _create(self, command: CreateItem) -> Sequence[wire.Out]:
        item = command.item
        if item.kind == "function_call_output":
            return [self._output(item, command.event_id)]
        if item.kind == "message" and item.role == "system":
            return [wire.AppendInstructions(content=item.text, delegation_id=None, event_id=command.event_id)]
        raise Unsupported("the model behind this call is told nothing in writing but instructions")

    def _output(self, item: Item, event_id: str | None) -> wire.Out:
        if self._calls.pop(item.call_id or "", None) is None:
            # Asked for by another provider before this one took over.
            content = setup.returned(item.name, item.output)
            return wire.AppendCommentary(content=content, delegation_id=None, event_id=event_id)
        self._answered = True
        output = {"type": "function_call_output", "call_id": item.call_id, "output": item.output}
        return wire.CreateItem(item=output, event_id=event_id)

    def _respond(self, command: Respond) -> Sequence[wire.Out]:
        """Name the next answer; the delegated model goes on when its functions were answered."""
        if command.own_input or command.out_of_band:
            raise Unsupported("the model behind this call answers in the conversation only")
        self._answers.ask(command.response_id)
        go_on, self._answered = self._answered, False
        return [wire.CreateResponse(event_id=command.event_id)] if go_on else ()

    def _interrupt(self, command: Interrupt) -> Sequence[wire.Out]:
        self._answers.unwanted(command.response_id, command.reason)
        return ()

    # --- from the model -----------------------------------------------------------------------------------------------

    def receive(self, message: Message) -> Sequence[Event]:
        """Return what an event tells. Raises Garbled, BridgeError."""
        if isinstance(message, bytes):
            raise Garbled("a binary message where there are none")
        name, read = wire.read(message)
        if read is None:
            self.unknown[name if len(self.unknown) < MAX_UNKNOWN else "other"] += 1
            return ()
        row = _ROWS.get(name)
        told = () if row is None else row(self, read)
        return told if name in _SPOKEN else (*self._overdue(), *told)

    def quiet(self) -> Sequence[Event]:
        """Whatever was going on is over."""
        return (*self._turn_over(), *self._answers.finish())

    def closed(self, code: int, reason: str) -> BridgeError | None:
        """Return what the end means: ``session.closed`` has said it, or the connection was lost before."""
        if self._end is not None or (self._ready and code in (1000, 1001, 1005)):
            found = _ENDS.get(self._end or "")
            if found is None:
                return None
            return BridgeError(f"the provider ended the session: {self._end}", code=found[0], retryable=found[1])
        return closed(code)

    def _started(self, _event: wire.Plain) -> Sequence[Event]:
        self._ready = True
        return ()

    def _sound(self, event: wire.Sound) -> Sequence[Event]:
        pcm = wire.sound(event.delta)
        if dbfs(pcm) > SILENCE_DBFS:
            return (*self._speaks(), *self._answers.audio(pcm, self._settings.voice))
        self._pace.silent(len(pcm) * 1000 // (2 * setup.RATE))
        over = self._overdue()
        return over if self._answers.active is None else (*over, *self._answers.audio(pcm))

    def _said(self, event: wire.Words) -> Sequence[Event]:
        return (*self._speaks(), *self._answers.text(event.delta, self._settings.voice))

    def _speaks(self) -> Sequence[Event]:
        """The model speaks: an answer that was over ends, and so does the caller's turn that this one answers."""
        over = self._overdue()
        self._spoke = self._pace.mark()
        return over if self._answers.active is not None else (*over, *self._turn_over())

    def _heard(self, event: wire.Words) -> Sequence[Event]:
        before = self._turn
        new = before is not None and event.start_ms - before.end_ms > TURN_ENDS_MS
        over = self._turn_over() if new else ()
        turn = self._turn = self._turn or Turn(new_id("item"), "", event.end_ms, self._pace.mark())
        turn.text += event.delta
        turn.end_ms, turn.told = event.end_ms, self._pace.mark()
        return (*over, TranscriptPartial(turn.item_id, turn.text, len(turn.text)))

    def _overdue(self) -> Sequence[Event]:
        """End what has been silent for long enough while other things happened."""
        turn, since = self._turn, self._pace.since
        turned = self._turn_over() if turn is not None and since(turn.told) >= TURN_ENDS_MS else ()
        return (*turned, *(self._answers.finish() if since(self._spoke) >= ANSWER_ENDS_MS else ()))

    def _turn_over(self) -> Sequence[Event]:
        turn, self._turn = self._turn, None
        if turn is None:
            return ()
        previous, self._last_item = self._last_item, turn.item_id
        return (InputCommitted(turn.item_id, previous), TranscriptFinal(turn.item_id, turn.text.strip()))

    def _delegated(self, event: wire.DelegationCreated) -> Sequence[Event]:
        if event.delegation.target == "client":
            answer = wire.AppendThinking(content=NO_BACKEND, delegation_id=event.delegation.id)
            self._outgoing.append(wire.write(answer))
        return ()

    def _inner(self, event: wire.ResponseEvent) -> Sequence[Event]:
        row = _INNER.get(event.event.type)
        return () if row is None else row(self, event.event)

    def _item_done(self, event: wire.Inner) -> Sequence[Event]:
        item = event.item
        if item is None or item.type != "function_call":
            return ()
        if not item.call_id or not item.name:
            raise Garbled("a function call without a name")
        if len(self._calls) >= MAX_CALLS:
            raise Garbled("more functions than anybody answers")
        self._calls[item.call_id] = item.name
        self._calling.append((item.call_id, item.name, item.arguments or "{}"))
        return ()

    def _inner_done(self, event: wire.Inner) -> Sequence[Event]:
        """The delegated response is complete: its functions, all at once, and its tokens."""
        calls, self._calling = self._calling, []
        told = (*self._turn_over(), *self._answers.calls(calls, self._settings.voice)) if calls else ()
        return (*_tokens(event.response), *told)

    def _used(self, event: wire.UsageUpdated | wire.Closed) -> Sequence[Event]:
        before, now = self._seconds, event.usage.seconds
        if now <= before:
            return ()
        self._seconds = now
        self._pace.used(now)
        return (UsageReported(Usage(seconds=now - before, source="provider"), "session", f"{before:g}-{now:g}"),)

    def _over(self, event: wire.Closed) -> Sequence[Event]:
        self._end = event.reason
        return (*self._used(event), *self._turn_over(), *self._answers.finish())

    def _error(self, event: wire.ErrorEvent) -> Sequence[Event]:
        fault, code = event.error, _word(event.error.code or event.error.type or "")
        fatal = _ERRORS.get(code)
        if fatal is None and not self._ready:
            fatal = ("refused", False) if fault.type == "invalid_request_error" else ("unavailable", True)
        if fatal is not None:
            raise BridgeError(f"the provider refused: {code}", code=fatal[0], retryable=fatal[1])
        return (Problem(f"the provider refused: {code}", code=code, client_event_id=fault.client_event_id),)


def _tokens(response: wire.Delegated | None) -> Sequence[Event]:
    """Return the tokens of a delegated response; they are no part of the seconds."""
    if response is None or response.usage is None:
        return ()
    used = response.usage
    cached, thought = used.input_tokens_details, used.output_tokens_details
    usage = Usage(
        input_tokens=used.input_tokens,
        output_tokens=used.output_tokens,
        input_text_tokens=used.input_tokens,
        output_text_tokens=used.output_tokens,
        cached_tokens=0 if cached is None else cached.cached_tokens,
        thinking_tokens=0 if thought is None else thought.reasoning_tokens,
        source="provider",
    )
    return (UsageReported(usage, "delegate", response.id),)


def _word(code: str) -> str:
    """Return a code as it may be shown; anything else than a word is none."""
    return code if len(code) <= 64 and code.replace("_", "").isalnum() else "unknown_error"


_COMMANDS: dict[type[Command], Callable[[LiveCodec, Any], Sequence[wire.Out]]] = {
    UpdateSession: LiveCodec._update,
    CreateItem: LiveCodec._create,
    Respond: LiveCodec._respond,
    Interrupt: LiveCodec._interrupt,
}
_ROWS: dict[str, Callable[[LiveCodec, Any], Sequence[Event]]] = {
    "session.started": LiveCodec._started,
    "session.output_audio.delta": LiveCodec._sound,
    "session.output_transcript.delta": LiveCodec._said,
    "session.input_transcript.delta": LiveCodec._heard,
    "session.delegation.created": LiveCodec._delegated,
    "response.event": LiveCodec._inner,
    "session.usage.updated": LiveCodec._used,
    "session.closed": LiveCodec._over,
    "error": LiveCodec._error,
}
_SPOKEN = frozenset(("session.output_audio.delta", "session.output_transcript.delta"))
_INNER: dict[str, Callable[[LiveCodec, wire.Inner], Sequence[Event]]] = {
    "response.output_item.done": LiveCodec._item_done,
    "response.completed": LiveCodec._inner_done,
    "response.incomplete": LiveCodec._inner_done,
    "response.failed": LiveCodec._inner_done,
}
