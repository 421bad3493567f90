"""Deepgram's Voice Agent in our vocabulary.

The agent speaks first (``Welcome``), takes its ``Settings`` once and then talks: sound both ways in binary frames, finished
sentences as ``ConversationText``. It has no word for a response, so :class:`bridges.answers.Answers` brackets what it says;
none for the end of the caller's speech, which is its transcript; none for usage, so connected seconds are metered; and none
to stop it: a reply that nobody wants is dropped here until its end. Source: Deepgram docs, "Voice Agent".
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any

from bridges.answers import Answers
from bridges.closes import closed
from bridges.codec import Garbled, Message
from bridges.deepgram import wire
from bridges.deepgram.setup import RATE, Setup, note
from bridges.meter import Meter
from bridges.options import DeepgramAgent
from mediaserver.audio.opus import MAX_MS
from mediaserver.audio.packets import duration_ms
from mediaserver.bridge import Capabilities, Feature, Opening
from mediaserver.clock import FRAME_MS, new_id
from mediaserver.commands import Command, CommitInput, CreateItem, Interrupt, Respond, UpdateSession
from mediaserver.errors import BridgeError, Unsupported
from mediaserver.events import (
    Event,
    InputCommitted,
    Problem,
    ReplyCut,
    ResponseRefused,
    SpeechStarted,
    ToolsCancelled,
    TranscriptFinal,
)
from mediaserver.items import Item
from mediaserver.settings import Settings

EAR = 16000
"""The rate at which a caller is heard by us while the provider is given packets: what turn-taking needs, in Hz."""
_FRAME = bytes(EAR * FRAME_MS // 1000 * 2)

MAX_HELD = 32
"""Written turns that wait for an answer to be asked for, and functions that wait for their results."""
MAX_UNKNOWN = 64
MAX_EARLY = 4 << 20
"""Bytes of a greeting that comes before its settings are confirmed."""

_CAN: frozenset[Feature] = frozenset(
    ("text_turns", "context_items", "tools", "tool_declarations", "transcripts", "temperature", "speed")
)
_FEATURE_OF_EAR: frozenset[Feature] = frozenset(("semantic_vad",))
_FEATURE_OF_VOICE: frozenset[Feature] = frozenset(("speed",))
_CHANGES = frozenset(("instructions", "tools", "temperature", "voice", "speed"))
_THINK, _SPEAK = ("instructions", "tools", "temperature"), ("voice", "speed")

_ERRORS: dict[str, tuple[str, bool]] = {
    "INTERNAL_SERVER_ERROR": ("unavailable", True),
    "CLIENT_MESSAGE_TIMEOUT": ("timeout", True),
    "UNPARSABLE_CLIENT_MESSAGE": ("protocol_error", False),
    "INVALID_SETTINGS": ("refused", False),
}
"""Code and whether another try can help (Deepgram docs, "Errors & Warnings"); any other is the provider's own trouble."""


class DeepgramCodec:
    """Satisfies :class:`bridges.codec.Codec`. ``unknown`` counts the types of messages that we do not know."""

    quiet_s: float | None = 5.0
    idle_s: float | None = 8.0

    def __init__(self, chosen: DeepgramAgent) -> None:
        self._setup = Setup(chosen)
        self._opus = self._setup.codec == "opus"
        self._max_session_s = chosen.max_session_s
        self.unknown: Counter[str] = Counter()
        self._ready = False
        self._first: str | None = None
        self._settings = Settings("")
        self._notes: list[str] = []
        self._outgoing: list[Message] = []
        self._answers = Answers()
        self._meter = Meter(EAR if self._opus else RATE)
        self._speech: str | None = None
        self._last_item: str | None = None
        self._cut = False
        self._held: deque[str] = deque(maxlen=MAX_HELD)
        self._injected: tuple[str, str] | None = None  # a written turn on its way, and the name of its answer
        self._early: list[Event] = []
        self._early_bytes = 0
        self._calls: dict[str, str] = {}
        self._dead: deque[str] = deque(maxlen=MAX_HELD)

    @property
    def capabilities(self) -> Capabilities:
        """What the agent can do."""
        setup = self._setup
        return Capabilities(
            input_rate=EAR if self._opus else RATE,
            output_rate=RATE,
            input_codec=setup.codec,
            output_codec=setup.codec,
            hears="always",
            turns="provider",
            text_output=False,
            voices=setup.voices,
            remembers=True,
            can=_features(setup),
            changes=_CHANGES if setup.own_voice else _CHANGES - set(_SPEAK),
            speech_events="start",
            goes_on_after_tools=True,
            max_session_s=self._max_session_s,
        )

    @property
    def ready(self) -> bool:
        """The agent has taken its settings."""
        return self._ready

    # --- to the agent -------------------------------------------------------------------------------------------------

    def open(self, opening: Opening) -> Sequence[Message]:
        """Prepare the settings; they are sent when the agent has said ``Welcome``. Raises Unsupported."""
        self._settings = opening.settings
        self._notes = [item.text for item in opening.history if item.role == "system" and item.text]
        self._first = wire.write(self._setup.configure(opening.settings, self._notes, opening.history))
        return ()

    def hear(self, sound: bytes) -> Sequence[Message]:
        """Sound before the settings are taken would be an error, so it is not sent."""
        if not self._ready:
            return ()
        self._meter.hear(_FRAME if self._opus else sound)
        return (sound,)

    def encode(self, command: Command) -> Sequence[Message]:
        """Return the messages that ask this. Raises Unsupported."""
        row = _COMMANDS.get(type(command))
        if row is None:
            raise Unsupported("the model behind this call has no word for this")
        return [wire.write(message) for message in row(self, command)]

    def replies(self) -> Sequence[Message]:
        """Return the settings once the agent has said hello."""
        told, self._outgoing = self._outgoing, []
        return told

    def idle(self) -> Sequence[Message]:
        """Return what keeps the connection when no sound flows (Deepgram docs, "Agent Keep Alive": every 8 s)."""
        return (wire.write(wire.KeepAlive()),)

    def settle(self) -> Sequence[Event]:
        """Return the connected time that was not reported yet."""
        return self._meter.report(1)

    def goodbye(self) -> Sequence[Message]:
        """Nothing: the socket is closed."""
        return ()

    def _update(self, command: UpdateSession) -> Sequence[wire.Out]:
        before, now = self._settings, command.settings
        think, speak = self._setup.think(now, self._notes), self._setup.speak(now)
        self._settings = now
        return [
            *([wire.UpdateThink(think)] if _differ(before, now, _THINK) else []),
            *([wire.UpdateSpeak(speak)] if _differ(before, now, _SPEAK) else []),
        ]

    def _create(self, command: CreateItem) -> Sequence[wire.Out]:
        item = command.item
        if item.kind == "function_call_output":
            return self._output(item)
        if item.kind == "message" and item.role == "user":
            self._hold(item.text)
            return ()
        return self._context(item)

    def _output(self, item: Item) -> Sequence[wire.Out]:
        call_id = item.call_id or ""
        if call_id in self._dead:
            return ()  # the agent does without it (docs, "Function Call Cancelled": send no response)
        name = self._calls.pop(call_id, None)
        if name is None:
            # Asked for by another provider before this one took over: told as what it is, with the next turn.
            self._hold(note(item))
            return ()
        return [wire.FunctionCallResponse(call_id, name, item.output)]

    def _hold(self, text: str) -> None:
        if len(self._held) == MAX_HELD:
            raise Unsupported("too many written turns wait for an answer: ask for one")
        self._held.append(text)

    def _context(self, item: Item) -> Sequence[wire.Out]:
        line = note(item)
        if not self._setup.room(self._settings, [*self._notes, line]):
            raise Unsupported("the prompt of the model behind this call is full")
        self._notes.append(line)
        return [wire.UpdatePrompt(line)]

    def _respond(self, command: Respond) -> Sequence[wire.Out]:
        if command.own_input or command.out_of_band:
            raise Unsupported("the model behind this call answers in the conversation only")
        self._answers.ask(command.response_id)
        if not self._held:
            return ()  # it answers the caller's speech and the results of functions by itself
        text = "\n".join(self._held)
        self._held.clear()
        self._injected = (text, command.response_id)
        self._cut = False
        return [wire.InjectUserMessage(text)]

    def _interrupt(self, command: Interrupt) -> Sequence[wire.Out]:
        self._answers.unwanted(command.response_id, command.reason)
        return ()

    def _commit(self, _command: CommitInput) -> Sequence[wire.Out]:
        return [wire.ForceEndTurn()]

    # --- from the agent -----------------------------------------------------------------------------------------------

    def receive(self, message: Message) -> Sequence[Event]:
        """Return what a message tells. Raises Garbled, BridgeError."""
        if isinstance(message, bytes):
            told = self._sound(message)
        else:
            name, read = wire.read(message)
            told = () if read is None else _ROWS.get(name, DeepgramCodec._nothing)(self, read)
            if read is None:
                self.unknown[name if len(self.unknown) < MAX_UNKNOWN else "other"] += 1
        if not self._ready:
            return self._hold_back(told, len(message))
        used = self._meter.report()
        return (*used, *told) if used else told

    def _hold_back(self, told: Sequence[Event], size: int) -> Sequence[Event]:
        """Keep a greeting, which may come before ``SettingsApplied``, until somebody listens."""
        self._early_bytes += size
        if self._early_bytes > MAX_EARLY:
            raise Garbled("talk without end before the settings were taken")
        self._early += told
        return ()

    def quiet(self) -> Sequence[Event]:
        """An answer whose end was never told has ended; so it is for a sentence that comes after ``AgentAudioDone``."""
        return (*self._meter.report(), *self._answers.finish())

    def closed(self, code: int, reason: str) -> BridgeError | None:
        """Return what a close means; 1011 with ``NET-0001`` is that nothing was sent (Deepgram docs, "Error Codes")."""
        if self._ready and code in (1000, 1001, 1005):
            return None
        if "NET-0001" in reason:
            return BridgeError("the provider heard nothing of us", code="timeout")
        return closed(code)

    def _sound(self, sound: bytes) -> Sequence[Event]:
        if self._first is not None:
            raise Garbled("sound before the settings were sent")
        if self._opus:
            return self._packet(sound)
        if len(sound) & 1:
            raise Garbled("sound of half a sample")
        return () if self._cut else self._answers.audio(sound, self._settings.voice)

    def _packet(self, opus: bytes) -> Sequence[Event]:
        if not 0 < duration_ms(opus) <= MAX_MS:
            raise Garbled("a packet that is not Opus")
        return () if self._cut else self._answers.packet(opus, self._settings.voice)

    def _welcome(self, _message: wire.Plain) -> Sequence[Event]:
        if self._first is not None:
            self._outgoing.append(self._first)
            self._first = None
        return ()

    def _applied(self, _message: wire.Plain) -> Sequence[Event]:
        self._ready = True
        early, self._early = self._early, []
        return early

    def _said(self, message: wire.ConversationText) -> Sequence[Event]:
        if message.role == "user":
            return self._user_said(message.content)
        return () if self._cut else self._answers.sentence(message.content, self._settings.voice)

    def _user_said(self, text: str) -> Sequence[Event]:
        self._cut = False
        if self._injected is not None and text.strip() == self._injected[0].strip():
            self._injected = None
            return self._answers.cut()  # a written turn ends what was being said
        item, previous = self._speech or new_id("item"), self._last_item
        self._speech, self._last_item = None, item
        return (InputCommitted(item, previous), TranscriptFinal(item, text))

    def _user_speaks(self, _message: wire.Plain) -> Sequence[Event]:
        """The caller speaks; said of a written turn too, which is no speech."""
        if self._injected is not None:
            return self._answers.cut() if self._not_its_answer() else ()
        self._speech = self._speech or new_id("item")
        started = SpeechStarted(self._speech, self._meter.heard_ms)
        answer = self._answers.active
        if answer is None:
            return (started,)
        self._cut = True  # what is still on its way belongs to the reply that was cut
        return (started, ReplyCut(answer.id), *self._answers.cut())

    def _not_its_answer(self) -> bool:
        """Say whether what is being said began before the written turn that is on its way."""
        answer = self._answers.active
        return answer is not None and self._injected is not None and answer.id != self._injected[1]

    def _thinks(self, _message: wire.Plain) -> Sequence[Event]:
        self._cut = False
        return self._answers.cut() if self._not_its_answer() else ()

    def _speaks(self, _message: wire.Plain) -> Sequence[Event]:
        self._cut = False
        return self._answers.begin(self._settings.voice)

    def _sound_done(self, _message: wire.Plain) -> Sequence[Event]:
        self._cut = False
        answer = self._answers.active
        if answer is not None and not self._not_its_answer():
            self._injected = None
        return self._answers.finish() if answer is not None and (answer.sounded or answer.unwanted) else ()

    def _functions(self, message: wire.FunctionCallRequest) -> Sequence[Event]:
        ours = [each for each in message.functions if each.client_side]
        if not ours:
            return ()
        if len(self._calls) + len(ours) > MAX_HELD + wire.MAX_FUNCTIONS:
            raise Garbled("more functions than anybody answers")
        self._cut = False
        self._calls.update((each.id, each.name) for each in ours)
        return self._answers.calls([(each.id, each.name, each.arguments) for each in ours], self._settings.voice)

    def _not_wanted(self, message: wire.FunctionCallCancelled) -> Sequence[Event]:
        gone = [each.id for each in message.functions if self._calls.pop(each.id, None) is not None]
        self._dead.extend(gone)
        return (ToolsCancelled(tuple(gone)),) if gone else ()

    def _refused(self, _message: wire.Plain) -> Sequence[Event]:
        """The agent or the caller speaks; the turn is kept for the next try."""
        name = self._answers.refused()
        if name is None:
            return ()
        if self._injected is not None:
            self._held.appendleft(self._injected[0])
            self._injected = None
        return (ResponseRefused(name, "conversation_already_has_active_response", "somebody is speaking"),)

    def _warning(self, message: wire.Coded) -> Sequence[Event]:
        return (
            Problem(f"the provider warns: {_word(message.code)}", code="provider_warning", type="provider_warning"),
        )

    def _error(self, message: wire.Coded) -> Sequence[Event]:
        word, retryable = _ERRORS.get(message.code, ("provider_error", True))
        raise BridgeError(f"the provider failed: {_word(message.code)}", code=word, retryable=retryable)

    def _nothing(self, _message: Any) -> Sequence[Event]:
        return ()


def _features(setup: Setup) -> frozenset[Feature]:
    can = _CAN | _FEATURE_OF_EAR if setup.weighs_words else _CAN
    return can if setup.own_voice else can - _FEATURE_OF_VOICE


def _differ(one: Settings, other: Settings, names: Sequence[str]) -> bool:
    return any(getattr(one, name) != getattr(other, name) for name in names)


def _word(code: str) -> str:
    """Return a code as it may be shown; anything else than a word is none."""
    return code if len(code) <= 64 and code.replace("_", "").isalnum() else "UNKNOWN"


_COMMANDS: dict[type[Command], Callable[[DeepgramCodec, Any], Sequence[wire.Out]]] = {
    UpdateSession: DeepgramCodec._update,
    CreateItem: DeepgramCodec._create,
    Respond: DeepgramCodec._respond,
    Interrupt: DeepgramCodec._interrupt,
    CommitInput: DeepgramCodec._commit,
}
_ROWS: dict[str, Callable[[DeepgramCodec, Any], Sequence[Event]]] = {
    "Welcome": DeepgramCodec._welcome,
    "SettingsApplied": DeepgramCodec._applied,
    "ConversationText": DeepgramCodec._said,
    "UserStartedSpeaking": DeepgramCodec._user_speaks,
    "AgentThinking": DeepgramCodec._thinks,
    "AgentStartedSpeaking": DeepgramCodec._speaks,
    "AgentAudioDone": DeepgramCodec._sound_done,
    "FunctionCallRequest": DeepgramCodec._functions,
    "FunctionCallCancelled": DeepgramCodec._not_wanted,
    "InjectionRefused": DeepgramCodec._refused,
    "Warning": DeepgramCodec._warning,
    "Error": DeepgramCodec._error,
}
