"""ElevenLabs Agents as our vocabulary.

The agent takes turns, remembers and goes on after tools by itself. It never says that its sound is complete: an answer ends
with the next turn, an interruption, ``agent_response_complete`` where an agent has it, or after ``end_of_reply_s`` without
more of it. There is no word for cancelling, clearing, committing or changing the session.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any

from bridges.answers import Answers, as_text
from bridges.codec import Garbled, Message
from bridges.elevenlabs import opening as told
from bridges.elevenlabs import wire
from bridges.elevenlabs.alignment import word_times
from bridges.elevenlabs.failures import PASSING, ended, failure
from bridges.elevenlabs.sound import FORMATS, Speaker
from bridges.meter import Meter
from bridges.options import ElevenLabs
from mediaserver.audio.encodings import Packer
from mediaserver.bridge import Capabilities, Feature, Opening
from mediaserver.clock import new_id
from mediaserver.commands import Command, CreateItem, Interrupt, Respond, UpdateSession
from mediaserver.errors import BridgeError, Unsupported
from mediaserver.events import (
    AudioDelta,
    Event,
    InputCommitted,
    Problem,
    ReplyCut,
    TextCorrected,
    TranscriptFinal,
    TranscriptPartial,
)
from mediaserver.items import Item
from mediaserver.settings import Settings

INPUT_RATE, OUTPUT_RATE = 16000, 24000
MAX_WAITING = 64
"""Function calls that wait for their output, and written items that wait to be asked about."""
MAX_UNKNOWN = 64

_CAN: frozenset[Feature] = frozenset({"text_turns", "context_items", "tools", "transcripts", "partial_transcripts"})
LATE_MS = 8000
"""Sound that an answer's text announces may be so late."""
_CHANGES = frozenset({"instructions", "tools", "transcription", "turn_detection"})
"""Tools, recogniser and turn-taking are the agent's own, so a change needs no word; instructions become context."""


def capabilities(chosen: ElevenLabs) -> Capabilities:
    """Return what this agent can do; what its security settings allow to override makes the difference."""
    may = frozenset(chosen.overrides)
    extra: dict[str, Feature] = {"text_only": "text_output", "speed": "speed"}
    return Capabilities(
        input_rate=INPUT_RATE,
        output_rate=OUTPUT_RATE,
        hears="always",
        turns="provider",
        text_output="text_only" in may,
        tools=True,
        voices=chosen.voices if "voice" in may else (),
        remembers=True,
        can=_CAN | {feature for name, feature in extra.items() if name in may},
        changes=_CHANGES - {"instructions"} if "prompt" in may else _CHANGES,
        speech_events="none",
        goes_on_after_tools=True,
        max_session_s=chosen.max_session_s,
    )


class ElevenLabsCodec:
    """Satisfies :class:`bridges.codec.Codec`."""

    idle_s: float | None = None

    def __init__(self, chosen: ElevenLabs) -> None:
        self.capabilities = capabilities(chosen)
        self.quiet_s: float | None = chosen.end_of_reply_s
        self.ready = False
        self.unknown: Counter[str] = Counter()
        self._chosen = chosen
        self._opening: Opening | None = None
        self._settings: Settings | None = None
        self._answers = Answers()
        self._meter = Meter(INPUT_RATE)
        self._microphone = Packer(INPUT_RATE, FORMATS["pcm_16000"])
        self._speaker = Speaker(FORMATS["pcm_16000"], OUTPUT_RATE)
        self._out: deque[wire.Out] = deque(maxlen=MAX_WAITING)
        self._calls: deque[str] = deque(maxlen=MAX_WAITING)
        self._held: deque[str] = deque(maxlen=MAX_WAITING)  # written turns that wait for Respond
        self._unanswered = ""  # the last turn, should its answer be asked for again
        self._turn: str | None = None  # the caller's turn that is being written down
        self._last: tuple[str, str] | None = None  # the newest answer: its name and its item
        self._told_id: int | None = None  # the event that brought the whole text of this answer
        self._barred = -1  # events up to this id belong to what was cut
        self._newest = -1
        self._deaf = False  # until the next turn or silence: to a greeting in mid-conversation, to what was cancelled
        self._dropped = False  # something was not told for that
        self._due: deque[Event] = deque(maxlen=MAX_WAITING)  # what follows from a command
        self._written_only = False
        self._aligned = 0  # words of the answer whose sound came with their times
        self._voiced_ms = 0  # when the newest of an answer came, on the clock of what was heard

    # --- to the agent -------------------------------------------------------------------------------------------------

    def open(self, opening: Opening) -> Sequence[Message]:
        """Begin with the overrides; sound may follow when the agent has told its formats."""
        self._opening, self._settings = opening, opening.settings
        self._written_only = told.text_only(self._chosen, opening.settings)
        self._deaf = told.greets_again(self._chosen, opening)
        last = opening.history[-1] if opening.history else None
        if last is not None and (last.role == "user" or last.kind == "function_call_output"):
            self._unanswered = last.text or last.output
        return (wire.write(told.initiation(self._chosen, opening)),)

    def hear(self, pcm: bytes) -> Sequence[Message]:
        """Send a frame in the agent's format; an agent that only writes hears nothing."""
        if not self.ready:
            return ()
        self._meter.hear(pcm)
        if self._written_only:
            return ()
        return (wire.write(wire.UserAudio(self._microphone.feed(pcm))),)

    def encode(self, command: Command) -> Sequence[Message]:
        """Return the messages that ask this. Raises Unsupported."""
        row = _COMMANDS.get(type(command))
        if row is None:
            raise Unsupported("an ElevenLabs agent has no word for this")
        return tuple(wire.write(message) for message in row(self, command))

    def replies(self) -> Sequence[Message]:
        """Return pongs and what became context."""
        messages = tuple(wire.write(message) for message in self._out)
        self._out.clear()
        return messages

    def idle(self) -> Sequence[Message]:
        """Nothing: the agent pings us."""
        return ()

    def settle(self) -> Sequence[Event]:
        """Return the connected time that was not reported yet."""
        return self._meter.report(1)

    def goodbye(self) -> Sequence[Message]:
        """Nothing: a close is the end."""
        return ()

    def closed(self, code: int, reason: str) -> BridgeError | None:
        """Return what a close means; its reason may repeat what was sent."""
        return ended(code)

    def _update(self, command: UpdateSession) -> Sequence[wire.Out]:
        before, wanted = self._settings, command.settings
        changed = before is None or before.instructions != wanted.instructions
        if changed and "instructions" not in self.capabilities.changes:
            raise Unsupported("an ElevenLabs agent's prompt is fixed for the conversation")
        self._settings = wanted
        return (wire.ContextualUpdate(told.instructions(wanted)),) if changed else ()

    def _item(self, command: CreateItem) -> Sequence[wire.Out]:
        item = command.item
        if item.kind == "function_call_output":
            return self._output(item)
        if item.role == "user":
            if not item.text:
                raise Unsupported("an ElevenLabs agent takes written text, and sound only as it is spoken")
            self._held.append(item.text)
            return ()
        line = told.line_of(item)
        return (wire.ContextualUpdate(line),) if line else ()

    def _output(self, item: Item) -> Sequence[wire.Out]:
        """Answer a call; one of an earlier connection is told in words, and asked about."""
        call_id = item.call_id or ""
        if call_id in self._calls:
            self._calls.remove(call_id)
            self._deaf = False
            return (wire.ToolResult(call_id, item.output, item.error),)
        self._held.append(told.line_of(item))
        return ()

    def _respond(self, command: Respond) -> Sequence[wire.Out]:
        if command.own_input or command.out_of_band:
            raise Unsupported("an ElevenLabs agent answers in the conversation only")
        self._answers.ask(command.response_id)
        text, self._unanswered = "\n".join(self._held) or self._unanswered, ""
        self._held.clear()
        if not text:
            return ()  # the agent answers a spoken turn and a function's output by itself
        self._deaf = False
        return (wire.UserMessage(text),)

    def _interrupt(self, command: Interrupt) -> Sequence[wire.Out]:
        """The agent cannot be stopped: what is still said of this answer is not told."""
        active = self._answers.active
        self._answers.unwanted(command.response_id, command.reason)
        if active is not None and active.id == command.response_id:
            self._due.extend(self._answers.cut())
            self._deaf = self._dropped = True
            self._barred = self._newest
            self._speaker.clear()
        return ()

    # --- from the agent -----------------------------------------------------------------------------------------------

    def receive(self, message: Message) -> Sequence[Event]:
        """Return what a message tells. Raises Garbled and BridgeError."""
        before = self._passing()
        try:
            return (*before, *self._message(message))
        except Garbled:
            self._due.extend(before)  # what was due is told with the next one
            raise

    def _message(self, message: Message) -> Sequence[Event]:
        if isinstance(message, bytes):
            raise Garbled("a binary message, which an agent does not send")
        name, body = wire.read(message)
        if body is None and (name in self.unknown or len(self.unknown) < MAX_UNKNOWN):
            self.unknown[name] += 1
        row = _MESSAGES.get(name)
        return row(self, body) if row is not None and body is not None else ()

    def quiet(self) -> Sequence[Event]:
        """An answer of which nothing more comes is complete."""
        return (*self._overdue(), *self._settled(), *self._meter.report())

    def _passing(self) -> Sequence[Event]:
        """What is due whatever comes: pings and scores must not keep an answer open."""
        over = self._meter.heard_ms - self._voiced_ms > self._chosen.end_of_reply_s * 1000
        return (*self._overdue(), *(self._settled() if over else ()), *self._meter.report())

    def _overdue(self) -> Sequence[Event]:
        events = tuple(self._due)
        self._due.clear()
        return events

    def _settled(self) -> Sequence[Event]:
        """Nothing more comes of the answer, nor of the one that is not to be told."""
        if self._dropped:
            self._deaf = self._dropped = False
        return () if self._lacks_sound else self._finish()

    @property
    def _lacks_sound(self) -> bool:
        """The text of the answer says that more of its sound must come, and it is not too late for that."""
        active = self._answers.active
        if active is None or active.unwanted or self._written_only:
            return False
        words = len("".join(active.written).split())
        spoken = words if active.sounded and not self._aligned else self._aligned
        return spoken < words and self._meter.heard_ms - self._voiced_ms < LATE_MS

    def _metadata(self, message: wire.Metadata) -> Sequence[Event]:
        formats = message.conversation_initiation_metadata_event
        heard, spoken = FORMATS.get(formats.user_input_audio_format), FORMATS.get(formats.agent_output_audio_format)
        if heard is None or spoken is None:
            raise BridgeError(
                "the agent uses an audio format that is not known", code="protocol_error", retryable=False
            )
        if self.ready or self._opening is None:
            return ()
        self.ready = True
        self._microphone, self._speaker = Packer(INPUT_RATE, heard), Speaker(spoken, OUTPUT_RATE)
        self._out.extend(wire.ContextualUpdate(note) for note in told.context(self._chosen, self._opening))
        events = told.unmet(self._chosen, self._opening.settings)
        self._opening = None
        return events

    def _audio(self, message: wire.Audio) -> Sequence[Event]:
        event = message.audio_event
        if self._unheard(event.event_id) or self._written_only:
            return ()
        pcm = self._speaker.feed(event.audio_base_64)
        begun = self._begin()
        words = () if event.alignment is None else word_times(event.alignment, self._answers.sounded_ms(OUTPUT_RATE))
        self._aligned += len(words)
        return (*begun, *self._answers.audio(pcm, words=words))

    def _text(self, message: wire.AgentResponse) -> Sequence[Event]:
        """The whole text of an answer: what was not written piece by piece before. A second one is another answer."""
        event = message.agent_response_event
        if self._unheard(event.event_id):
            return ()
        another = self._answers.active is not None and self._told_id not in (None, event.event_id)
        events = [*(self._finish() if another else ()), *self._begin()]
        self._told_id = event.event_id
        events += self._answers.text(self._remainder(event.agent_response.strip()))
        return (*events, *(self._finish() if self._written_only else ()))

    def _part(self, message: wire.ChatPart) -> Sequence[Event]:
        part = message.text_response_part
        if part.type != "delta" or not part.text or self._unheard(part.event_id):
            return ()
        begun, active = self._begin(), self._answers.active
        first = active is None or not active.written
        return (*begun, *self._answers.text(part.text.lstrip() if first else part.text))

    def _remainder(self, text: str) -> str:
        active = self._answers.active
        written = "".join(active.written) if active is not None else ""
        return text[len(written) :] if text.startswith(written) else ""

    def _interruption(self, message: wire.Interruption) -> Sequence[Event]:
        self._barred = max(self._barred, message.interruption_event.event_id)
        cut = self._last[0] if self._last is not None else None
        self._speaker.clear()
        self._told_id = None
        return (ReplyCut(cut), *self._answers.cut())

    def _corrected(self, message: wire.Correction) -> Sequence[Event]:
        if self._last is None:
            return ()
        text = message.agent_response_correction_event.corrected_agent_response.strip()
        return (TextCorrected(self._last[1], text),)

    def _tentative(self, message: wire.TentativeTranscript) -> Sequence[Event]:
        self._turn = self._turn or new_id("item")
        return (TranscriptPartial(self._turn, message.tentative_user_transcription_event.user_transcript),)

    def _heard(self, message: wire.UserTranscript) -> Sequence[Event]:
        """A turn of the caller is complete; what was written before and not asked about is context to it."""
        ended_answer = self._finish()
        item_id, self._turn = self._turn or new_id("item"), None
        self._deaf, self._unanswered = False, ""
        if self._held:
            self._out.append(wire.ContextualUpdate("\n".join(self._held)))
            self._held.clear()
        text = message.user_transcription_event.user_transcript.strip()
        return (*ended_answer, InputCommitted(item_id, None), TranscriptFinal(item_id, text))

    def _tool(self, message: wire.ClientToolCall) -> Sequence[Event]:
        call = message.client_tool_call
        arguments = call.arguments
        self._calls.append(call.tool_call_id)
        asked = [(call.tool_call_id, call.tool_name, arguments)]
        return (*self._sounded_out(), *self._begin(), *self._named(self._answers.calls(asked)))

    def _complete(self, _message: wire.Plain) -> Sequence[Event]:
        return self._finish()

    def _ping(self, message: wire.Ping) -> Sequence[Event]:
        self._out.append(wire.Pong(message.ping_event.event_id))
        return ()

    def _failed(self, message: wire.Failure) -> Sequence[Event]:
        kind = message.error_event.error_type
        if kind in PASSING:
            return (Problem("a tool of the agent failed", "provider_error", "server_error"),)
        raise failure(kind)

    # --- its answers --------------------------------------------------------------------------------------------------

    def _unheard(self, event_id: int) -> bool:
        """Whether this belongs to what was cut or is not to be told."""
        if event_id <= self._barred:
            return True
        self._newest = max(self._newest, event_id)
        self._voiced_ms = self._meter.heard_ms
        self._dropped = self._dropped or self._deaf
        return self._deaf

    def _begin(self) -> Sequence[Event]:
        self._unanswered = ""
        if self._answers.active is None:
            self._aligned = 0
        return self._named(self._answers.begin(self._voice))

    def _named(self, events: Sequence[Event]) -> Sequence[Event]:
        """Remember the newest answer, and say that it is written where it is."""
        active = self._answers.active
        if active is not None:
            self._last = active.id, active.item_id
        return as_text(events) if self._written_only else events

    @property
    def _voice(self) -> str:
        return self._settings.voice if self._settings is not None and "voice" in self._chosen.overrides else ""

    def _sounded_out(self) -> Sequence[Event]:
        """Return the last milliseconds of an answer's sound."""
        active, rest = self._answers.active, self._speaker.end()
        if active is None or not active.sounded or active.unwanted or not rest:
            return ()
        return (AudioDelta(active.id, active.item_id, rest),)

    def _finish(self) -> Sequence[Event]:
        self._told_id = None
        return (*self._sounded_out(), *self._answers.finish())


_COMMANDS: dict[type[Command], Callable[[ElevenLabsCodec, Any], Sequence[wire.Out]]] = {
    UpdateSession: ElevenLabsCodec._update,
    CreateItem: ElevenLabsCodec._item,
    Respond: ElevenLabsCodec._respond,
    Interrupt: ElevenLabsCodec._interrupt,
}
_MESSAGES: dict[str, Callable[[ElevenLabsCodec, Any], Sequence[Event]]] = {
    "conversation_initiation_metadata": ElevenLabsCodec._metadata,
    "audio": ElevenLabsCodec._audio,
    "agent_response": ElevenLabsCodec._text,
    "agent_response_correction": ElevenLabsCodec._corrected,
    "agent_response_complete": ElevenLabsCodec._complete,
    "agent_chat_response_part": ElevenLabsCodec._part,
    "user_transcript": ElevenLabsCodec._heard,
    "tentative_user_transcript": ElevenLabsCodec._tentative,
    "interruption": ElevenLabsCodec._interruption,
    "client_tool_call": ElevenLabsCodec._tool,
    "ping": ElevenLabsCodec._ping,
    "error": ElevenLabsCodec._failed,
}
