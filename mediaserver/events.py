"""Everything that can happen in a call, once, in one vocabulary.

Bridges say what the model did, callers say what was played, the session says what became of the conversation; every
dialect (OpenAI Realtime, RTVI, carriers) is a pure codec to or from these. All events are frozen, small and carry no I/O.
Times named ``*_ms`` of audio count from the first sample heard in the session; times named ``at`` are monotonic seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mediaserver.items import Item, Usage
from mediaserver.settings import Settings

EndReason = Literal[
    "client_closed",  # the client hung up or closed its transport
    "connection_lost",  # nothing heard from the client for the allowed time
    "setup_timeout",  # offer accepted, media never came
    "idle",  # nobody spoke for the configured time
    "max_duration",
    "provider_closed",
    "provider_error",
    "server_shutdown",
    "protocol_error",
    "internal_error",
]
ResponseStatus = Literal["in_progress", "completed", "cancelled", "failed", "incomplete"]


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events."""


# --- the session ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SessionCreated(Event):
    """The session is open. ``expires_at`` is unix seconds, ``None`` without a limit."""

    session_id: str
    settings: Settings
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class SessionUpdated(Event):
    """New settings are in force; the whole of them."""

    settings: Settings


@dataclass(frozen=True, slots=True)
class SessionEnded(Event):
    """The call is over."""

    reason: EndReason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Problem(Event):
    """Something was refused or went wrong and the call goes on; becomes an ``error`` event.

    ``client_event_id`` is the ``event_id`` of the client's event that caused it.
    """

    message: str
    code: str = "invalid_request"
    type: str = "invalid_request_error"
    param: str | None = None
    client_event_id: str | None = None


# --- the caller's speech ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SpeechStarted(Event):
    """The caller began to speak; ``audio_start_ms`` includes the prefix padding."""

    item_id: str
    audio_start_ms: int


@dataclass(frozen=True, slots=True)
class SpeechStopped(Event):
    """The caller stopped; ``audio_end_ms`` is the end of the turn's audio."""

    item_id: str
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class InputCommitted(Event):
    """The caller's audio became an item of the conversation."""

    item_id: str
    previous_item_id: str | None


@dataclass(frozen=True, slots=True)
class InputCleared(Event):
    """Audio that was not committed is gone."""


@dataclass(frozen=True, slots=True)
class InputTimedOut(Event):
    """The caller said nothing for ``idle_timeout_ms`` after a reply had been played."""

    item_id: str
    audio_start_ms: int
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class TranscriptPartial(Event):
    """What the caller seems to be saying; ``text`` replaces the partial before it.

    The first ``stable`` characters will not change any more as far as the engine can tell. ``ended``: it thinks that the
    turn is over with these words.
    """

    item_id: str
    text: str
    stable: int = 0
    ended: bool = False


@dataclass(frozen=True, slots=True)
class TranscriptFinal(Event):
    """What the caller said. Empty when the engine heard no words."""

    item_id: str
    text: str
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class TranscriptFailed(Event):
    """The caller's speech could not be written down."""

    item_id: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class DigitPressed(Event):
    """A telephone key (RFC 4733), reported once, at its end: ``0-9 * # A-D``."""

    digit: str
    duration_ms: int


# --- the conversation -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ItemAdded(Event):
    """An item joined the conversation after ``previous_item_id`` (``None``: it is the first)."""

    item: Item
    previous_item_id: str | None = None


@dataclass(frozen=True, slots=True)
class ItemDone(Event):
    """The item will not grow any more."""

    item: Item
    previous_item_id: str | None = None


@dataclass(frozen=True, slots=True)
class ItemRetrieved(Event):
    """The item as the server knows it, asked for by the client."""

    item: Item


@dataclass(frozen=True, slots=True)
class ItemTruncated(Event):
    """The rest of an assistant's audio after ``audio_end_ms`` was never heard; ``item`` is what remains."""

    item: Item
    content_index: int
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class ItemDeleted(Event):
    """The item is no longer part of the conversation."""

    item_id: str


# --- the reply --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ResponseCreated(Event):
    """The model began to answer. ``metadata`` comes back as the client gave it.

    ``out_of_band``: the answer is no part of the conversation.
    """

    response_id: str
    modalities: tuple[Literal["audio", "text"], ...] = ("audio",)
    voice: str = ""
    metadata: tuple[tuple[str, str], ...] = ()
    out_of_band: bool = False


@dataclass(frozen=True, slots=True)
class TextDelta(Event):
    """More of what is written: the transcript of an audio reply, or the text of a text reply."""

    response_id: str
    item_id: str
    text: str


@dataclass(frozen=True, slots=True)
class TextDone(Event):
    """All of what is written for this item."""

    response_id: str
    item_id: str
    text: str


@dataclass(frozen=True, slots=True)
class WordTime:
    """One word of a reply and where its sound lies, in milliseconds from the start of the item's audio."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class AudioDelta(Event):
    """More of the reply's sound: PCM16 little-endian mono at the bridge's ``output_rate``, any length.

    ``text`` is the piece of the transcript whose sound begins with this delta, where the bridge knows (a clause of the
    chain, ``""`` for its further deltas); ``words`` are their times where the voice gives them. ``packets`` are Opus packets
    in place of ``pcm``, from bridges whose ``output_codec`` says so; a leg passes on those of 20 ms, decoding others.
    """

    response_id: str
    item_id: str
    pcm: bytes
    text: str = ""
    words: tuple[WordTime, ...] = ()
    packets: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class AudioDone(Event):
    """The item's sound is complete (it may still be playing)."""

    response_id: str
    item_id: str


@dataclass(frozen=True, slots=True)
class ToolCalled(Event):
    """The model asks for a function; ``arguments`` is a JSON string."""

    response_id: str
    item_id: str
    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ResponseDone(Event):
    """The response is over. ``reason`` is set when it did not complete: ``turn_detected``, ``client_cancelled``, …"""

    response_id: str
    status: ResponseStatus = "completed"
    reason: str | None = None
    usage: Usage | None = None
    error_code: str | None = None
    error_message: str | None = None


@dataclass(frozen=True, slots=True)
class ToolsCancelled(Event):
    """The model wants no output any more for these calls (Gemini ``toolCallCancellation``)."""

    call_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReplyCut(Event):
    """The provider stopped its reply because the caller spoke: what was not heard yet must not be played.

    ``response_id`` ``None``: whichever is being made or played.
    """

    response_id: str | None = None


@dataclass(frozen=True, slots=True)
class ResponseRefused(Event):
    """The provider did not take a Respond; ``conversation_already_has_active_response`` is tried again after that one."""

    response_id: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class TextCorrected(Event):
    """What the provider remembers of an interrupted reply: the words that it believes were heard."""

    item_id: str
    text: str


# --- the way out itself -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UsageReported(Event):
    """Something was used that belongs to no response or transcript: connected time, characters. Never counted twice.

    ``key`` is unique in the session's leg, so that what is told twice is booked once.
    """

    usage: Usage
    kind: str = "session"
    key: str = ""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """One limit of the provider: ``requests`` or ``tokens``."""

    name: str
    limit: int
    remaining: int
    reset_seconds: float


@dataclass(frozen=True, slots=True)
class RateLimitsUpdated(Event):
    """What the provider still grants."""

    limits: tuple[RateLimit, ...]


@dataclass(frozen=True, slots=True)
class GoingAway(Event):
    """The provider will end its session in ``time_left_s`` seconds: go on with another one before that."""

    time_left_s: float


@dataclass(frozen=True, slots=True)
class Alive(Event):
    """A sign of life of the provider that says nothing else: the answer to a ping."""


@dataclass(frozen=True, slots=True)
class Awaited(Event):
    """The provider was asked for a sign of life, which should follow."""


@dataclass(frozen=True, slots=True)
class Resumable(Event):
    """The provider's session can be continued under this handle on a new connection; ``None``: not at this moment.

    ``live``: it is continued as it was at its end, not as it was when this was told.
    """

    handle: str | None
    live: bool = False


# --- the loudspeaker --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlayoutStarted(Event):
    """The first packet of an item's sound left at ``at``; said by the caller's playout."""

    item_id: str
    at: float


@dataclass(frozen=True, slots=True)
class PlayoutFinished(Event):
    """All of an item's sound has left (``played_ms`` of it)."""

    item_id: str
    played_ms: int
    at: float


@dataclass(frozen=True, slots=True)
class OutputStarted(Event):
    """The caller begins to hear this response (``output_audio_buffer.started``)."""

    response_id: str


@dataclass(frozen=True, slots=True)
class OutputStopped(Event):
    """The caller has heard all of this response (``output_audio_buffer.stopped``)."""

    response_id: str


@dataclass(frozen=True, slots=True)
class OutputCleared(Event):
    """The rest of this response will not be heard (``output_audio_buffer.cleared``)."""

    response_id: str


# --- what only our own page and tools see (the extension channel) -----------------------------------------------------


@dataclass(frozen=True, slots=True)
class Heard(Event):
    """The playout ledger: ``text`` of this item has left, ``unheard`` has not. ``estimated``: word times are a guess."""

    item_id: str
    played_ms: int
    text: str
    unheard: str
    estimated: bool = True


@dataclass(frozen=True, slots=True)
class ReplyPaused(Event):
    """The caller spoke into the reply; it is silent until we know whether those were words."""

    response_id: str


@dataclass(frozen=True, slots=True)
class ReplyResumed(Event):
    """A false interruption: no words followed, the reply goes on where it stopped."""

    response_id: str


@dataclass(frozen=True, slots=True)
class Interrupted(Event):
    """A true interruption: the reply was cut at ``played_ms``. Times ``*_at`` are monotonic seconds."""

    response_id: str
    item_id: str
    played_ms: int
    text: str
    unheard: str
    estimated: bool
    onset_at: float
    silent_at: float


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a turn's latency; ``start`` and ``end`` are monotonic seconds. Stages are contiguous."""

    name: Literal["end_of_turn", "transcript", "model", "tool", "speech", "deliver"]
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class TurnMeasured(Event):
    """Where the time of one turn went, from the last voiced sample to the first packet of the answer."""

    item_id: str
    response_id: str
    stages: tuple[Stage, ...]
