"""An Ultravox call as our vocabulary.

``state`` carries the turns: speaking begins an answer, what follows it ends one. The server sends sound all the time,
silence while it listens, so only what comes while an answer is due is one. It takes turns, remembers and goes on after
functions by itself; nothing of the call can be changed later but whether it speaks or writes, and nothing be cancelled.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any

from bridges.answers import Answers, as_text
from bridges.codec import Garbled, Message
from bridges.meter import Meter
from bridges.options import Ultravox
from bridges.ultravox import wire
from bridges.ultravox.call import INPUT_RATE, MAX_SESSION_S, OUTPUT_RATE, unmet
from bridges.ultravox.turns import Turns
from mediaserver.bridge import Capabilities, Feature, Opening
from mediaserver.commands import Command, CreateItem, Interrupt, Respond, UpdateSession
from mediaserver.errors import BridgeError, Unsupported
from mediaserver.events import (
    Event,
    ReplyCut,
    TextCorrected,
)
from mediaserver.items import Item
from mediaserver.remember import remember
from mediaserver.settings import Settings

MAX_WAITING = 64
MAX_UNKNOWN = 64
TRANSCRIPT_MS = 600
"""So long the text of an answer may still come after its sound."""

_CAN: frozenset[Feature] = frozenset(
    {"text_turns", "context_items", "text_output", "tools", "transcripts", "partial_transcripts"}
)
_OWN: frozenset[Feature] = frozenset({"temperature", "turn_tuning", "tool_declarations"})
_CHANGES = frozenset({"output_modalities", "transcription"})


def capabilities(chosen: Ultravox) -> Capabilities:
    """Return what this call can do; a stored agent has its own voice, temperature and turn-taking."""
    stored = bool(chosen.agent_id)
    return Capabilities(
        input_rate=INPUT_RATE,
        output_rate=OUTPUT_RATE,
        hears="always",
        turns="provider",
        voices=() if stored else chosen.voices,
        remembers=True,
        can=_CAN if stored else _CAN | _OWN,
        changes=_CHANGES | {"instructions"} if stored else _CHANGES,
        speech_events="both",
        goes_on_after_tools=True,
        max_session_s=chosen.max_session_s or MAX_SESSION_S,
    )


class UltravoxCodec:
    """Satisfies :class:`bridges.codec.Codec`."""

    quiet_s: float | None = TRANSCRIPT_MS / 1000
    idle_s: float | None = None

    def __init__(self, chosen: Ultravox) -> None:
        self.capabilities = capabilities(chosen)
        self.ready = False
        self.unknown: Counter[str] = Counter()
        self._chosen = chosen
        self._settings: Settings | None = None
        self._answers = Answers()
        self._meter = Meter(INPUT_RATE)
        self._out: deque[wire.Out] = deque(maxlen=MAX_WAITING)
        self._due: deque[Event] = deque(maxlen=MAX_WAITING)  # what follows from a command
        self._calls: deque[str] = deque(maxlen=MAX_WAITING)
        self._held: deque[str] = deque(maxlen=MAX_WAITING)  # written turns that wait for Respond
        self._unanswered = ""  # the last turn, should its answer be asked for again
        self._state = "idle"
        self._written: dict[int, str] = {}  # what is known of the utterances of this answer, by ordinal
        self._over: deque[tuple[int, str]] = deque(
            maxlen=MAX_WAITING
        )  # ordinals of answers that ended, and their items
        self._final = True  # the text of the answer is complete
        self._ended_ms: int | None = None  # its sound ended here; its text is still waited for
        self._cutting = False  # what is still said belongs to what was cut
        self._wrote = False  # the turn that is answered next is a written one
        self._turns = Turns()
        self._user: dict[int, str] = {}
        self._last: str | None = None

    # --- to the call --------------------------------------------------------------------------------------------------

    def open(self, opening: Opening) -> Sequence[Message]:
        """Say nothing: the request that made the call said it all."""
        self._settings = opening.settings
        last = opening.history[-1] if opening.history else None
        if last is not None and (last.role == "user" or last.kind == "function_call_output"):
            self._unanswered = "Please continue." if last.kind == "function_call_output" else last.text
        return ()

    def hear(self, pcm: bytes) -> Sequence[Message]:
        """Send a frame as it is."""
        if not self.ready:
            return ()
        self._meter.hear(pcm)
        return (pcm,)

    def encode(self, command: Command) -> Sequence[Message]:
        """Return the messages that ask this. Raises Unsupported."""
        row = _COMMANDS.get(type(command))
        if row is None:
            raise Unsupported("an Ultravox call has no word for this")
        return tuple(wire.write(message) for message in row(self, command))

    def replies(self) -> Sequence[Message]:
        """Return what became context."""
        messages = tuple(wire.write(message) for message in self._out)
        self._out.clear()
        return messages

    def idle(self) -> Sequence[Message]:
        """Nothing: sound flows all the time."""
        return ()

    def settle(self) -> Sequence[Event]:
        """Return the connected time that was not reported yet."""
        return self._meter.report(1)

    def goodbye(self) -> Sequence[Message]:
        """End the call, so that nobody pays for its silence."""
        return (wire.write(wire.HangUp()),) if self.ready else ()

    def closed(self, code: int, reason: str) -> BridgeError | None:
        """Return what a close means. The codes are not documented: 1000 is an end, all else a lost connection."""
        if code == 1000:
            return None
        if code == 1009:
            return BridgeError("the provider found a message too large", code="too_large", retryable=False)
        return BridgeError("the connection to the provider was lost", code="connection_lost")

    def _update(self, command: UpdateSession) -> Sequence[wire.Out]:
        before, wanted = self._settings, command.settings
        told = before is not None and before.instructions == wanted.instructions
        if not told and "instructions" not in self.capabilities.changes:
            raise Unsupported("an Ultravox call keeps its instructions")
        wrote, self._settings = self._writes, wanted
        medium = () if wrote == self._writes else (wire.SetOutputMedium("text" if self._writes else "voice"),)
        return (*medium, *(() if told else (wire.UserText(f"Instructions: {wanted.instructions}", "later"),)))

    def _item(self, command: CreateItem) -> Sequence[wire.Out]:
        item = command.item
        if item.kind == "function_call_output":
            return self._output(item)
        if item.role == "user":
            if not item.text:
                raise Unsupported("an Ultravox call takes written text, and sound only as it is spoken")
            self._held.append(item.text)
            return ()
        line = _line(item)
        return (wire.UserText(line, "later"),) if line else ()

    def _output(self, item: Item) -> Sequence[wire.Out]:
        """Answer a call; one of an earlier connection is told in words, and asked about."""
        call_id = item.call_id or ""
        if call_id in self._calls:
            self._calls.remove(call_id)
            return (wire.result(call_id, item.output, error=item.error),)
        self._held.append(f"The function answered: {item.output}")
        return ()

    def _respond(self, command: Respond) -> Sequence[wire.Out]:
        if command.own_input or command.out_of_band:
            raise Unsupported("an Ultravox call answers in the conversation only")
        self._answers.ask(command.response_id)
        text, self._unanswered = "\n".join(self._held) or self._unanswered, ""
        self._held.clear()
        if not text:
            return ()  # a spoken turn and a function's output are answered by themselves
        self._wrote = True
        return (wire.UserText(text, "immediate"),)

    def _interrupt(self, command: Interrupt) -> Sequence[wire.Out]:
        """The call cannot be stopped: what is still said of this answer is not told."""
        active = self._answers.active
        self._answers.unwanted(command.response_id, command.reason)
        if active is not None and active.id == command.response_id:
            self._due.extend(self._cut())
        return ()

    # --- from the call ------------------------------------------------------------------------------------------------

    def receive(self, message: Message) -> Sequence[Event]:
        """Return what a message tells. Raises Garbled."""
        before = (*self._overdue(), *self._late())
        try:
            return (*before, *(self._sound(message) if isinstance(message, bytes) else self._message(message)))
        except Garbled:
            self._due.extend(before)  # what was due is told with the next one
            raise

    def _message(self, message: str) -> Sequence[Event]:
        name, body = wire.read(message)
        if body is None and (name in self.unknown or len(self.unknown) < MAX_UNKNOWN):
            self.unknown[name] += 1
        row = _MESSAGES.get(name)
        return (*self._begun(), *(row(self, body) if row is not None and body is not None else ()))

    def quiet(self) -> Sequence[Event]:
        """Not even silence comes: the text of an answer that has ended is not waited for."""
        waited = self._finish() if self._ended_ms is not None else ()
        return (*self._overdue(), *waited)

    def _begun(self) -> Sequence[Event]:
        """The first message: the call has begun, whether or not it is ``call_started``."""
        if self.ready:
            return ()
        self.ready = True
        settings = self._settings
        if settings is None or not self._chosen.agent_id:
            return ()
        if settings.instructions:
            self._out.append(wire.UserText(f"Instructions: {settings.instructions}", "later"))
        return unmet(self._chosen, settings)

    def _overdue(self) -> Sequence[Event]:
        events = (*self._due, *self._meter.report())
        self._due.clear()
        return events

    def _late(self) -> Sequence[Event]:
        """End an answer whose text did not come in time after its sound."""
        if self._ended_ms is None or self._meter.heard_ms - self._ended_ms < TRANSCRIPT_MS:
            return ()
        return self._finish()

    def _sound(self, pcm: bytes) -> Sequence[Event]:
        """Sound counts from the first that is not silence, while the agent speaks or is about to."""
        if len(pcm) & 1:
            raise Garbled("sound that ends in the middle of a sample")
        if self._state not in ("speaking", "thinking") or self._cutting or self._writes:
            return ()
        active = self._answers.active
        if (active is None or not active.sounded) and pcm.count(0) == len(pcm):
            return ()
        return (*self._begin(), *self._answers.audio(pcm))

    def _turned(self, message: wire.State) -> Sequence[Event]:
        before, self._state = self._state, message.state
        if message.state not in ("thinking", "speaking"):
            return self._ceased() if before == "speaking" else ()
        self._cutting = False
        waited = self._finish() if before == "speaking" or self._ended_ms is not None else ()
        begun = self._begin() if message.state == "speaking" and not self._writes else ()
        return (*waited, *self._taken(), *begun)

    def _taken(self) -> Sequence[Event]:
        """What the caller said is answered now, unless it is something written."""
        return () if self._wrote else self._turns.taken(self._meter.heard_ms)

    def _ceased(self) -> Sequence[Event]:
        """Its sound is complete; so is the answer when its text is."""
        if self._answers.active is None:
            return ()
        if self._final and self._written:
            return self._finish()
        self._ended_ms = self._meter.heard_ms
        return ()

    def _transcript(self, message: wire.Transcript) -> Sequence[Event]:
        if message.role == "agent":
            return self._said(message)
        return self._heard(message) if message.medium == "voice" else ()  # what was written is ours

    def _heard(self, message: wire.Transcript) -> Sequence[Event]:
        text = self._whole(self._user, message)
        if not message.final:
            return self._turns.partial(text, self._meter.heard_ms)
        self._user.clear()
        self._unanswered = ""
        if self._held:
            self._out.append(wire.UserText("\n".join(self._held), "later"))
            self._held.clear()
        return self._turns.final(text.strip(), self._meter.heard_ms)

    def _said(self, message: wire.Transcript) -> Sequence[Event]:
        """More text of an answer; of one that was cut the last of it says what was heard."""
        over = dict(self._over).get(message.ordinal)
        if over is not None:
            corrected = message.final and message.text is not None
            return (TextCorrected(over, (message.text or "").strip()),) if corrected else ()
        if self._cutting:
            return ()
        known = self._written.get(message.ordinal, "")
        whole = self._whole(self._written, message)
        begun, active = self._begin(), self._answers.active
        if self._ended_ms is None and self._state not in ("speaking", "thinking"):
            self._ended_ms = self._meter.heard_ms  # it is written after it was said
        gap = " " if not known and active is not None and active.written else ""
        piece = whole[len(known) :] if whole.startswith(known) else ""
        self._final = message.final
        events = (*begun, *self._answers.text(gap + piece if piece else ""))
        done = message.final and (self._writes or self._ended_ms is not None)
        return (*events, *(self._finish() if done else ()))

    def _whole(self, known: dict[int, str], message: wire.Transcript) -> str:
        whole = known.get(message.ordinal, "") + (message.delta or "") if message.text is None else message.text
        remember(known, message.ordinal, whole, MAX_WAITING)
        return whole

    def _started(self, _message: wire.Plain) -> Sequence[Event]:
        return self._turns.started(self._meter.heard_ms)

    def _stopped(self, _message: wire.Plain) -> Sequence[Event]:
        return self._turns.stopped(self._meter.heard_ms)

    def _clear(self, _message: wire.Plain) -> Sequence[Event]:
        """The caller spoke into the answer: what of it was not played is not wanted."""
        return (ReplyCut(self._last), *self._cut())

    def _tool(self, message: wire.ToolInvocation) -> Sequence[Event]:
        arguments = message.arguments
        self._calls.append(message.invocation_id)
        taken, begun = self._taken(), self._begin()
        self._forget()
        called = self._answers.calls([(message.invocation_id, message.tool_name, arguments)])
        return (*taken, *begun, *self._told(called))

    # --- its answers --------------------------------------------------------------------------------------------------

    @property
    def _writes(self) -> bool:
        return self._settings is not None and self._settings.output_modalities == ("text",)

    def _begin(self) -> Sequence[Event]:
        if self._answers.active is not None:
            return ()
        self._wrote, self._unanswered = False, ""
        return self._told(self._answers.begin(self._settings.voice if self._settings is not None else ""))

    def _told(self, events: Sequence[Event]) -> Sequence[Event]:
        """Remember the newest answer, and say that it is written where it is."""
        active = self._answers.active
        if active is not None:
            self._last = active.id
        return as_text(events) if self._writes else events

    def _finish(self) -> Sequence[Event]:
        self._forget()
        return self._answers.finish()

    def _cut(self) -> Sequence[Event]:
        self._forget()
        self._cutting = True
        return self._answers.cut()

    def _forget(self) -> None:
        """The answer is over: what is still written of it belongs to its item and to no answer."""
        active = self._answers.active
        if active is not None:
            self._over.extend((ordinal, active.item_id) for ordinal in self._written)
        self._written.clear()
        self._final, self._ended_ms = True, None


_COMMANDS: dict[type[Command], Callable[[UltravoxCodec, Any], Sequence[wire.Out]]] = {
    UpdateSession: UltravoxCodec._update,
    CreateItem: UltravoxCodec._item,
    Respond: UltravoxCodec._respond,
    Interrupt: UltravoxCodec._interrupt,
}
_MESSAGES: dict[str, Callable[[UltravoxCodec, Any], Sequence[Event]]] = {
    "state": UltravoxCodec._turned,
    "transcript": UltravoxCodec._transcript,
    "client_tool_invocation": UltravoxCodec._tool,
    "playback_clear_buffer": UltravoxCodec._clear,
    "user_started_speaking": UltravoxCodec._started,
    "user_stopped_speaking": UltravoxCodec._stopped,
}


def _line(item: Item) -> str:
    """Return an item that is only to be known as a line of text."""
    if item.kind == "function_call":
        return f"You called {item.name} with {item.arguments}"
    who = "You said" if item.role == "assistant" else "Note"
    return f"{who}: {item.text}" if item.text else ""
