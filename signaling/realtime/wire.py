"""The client events of the OpenAI Realtime contract (GA) as structs: strict types, limits, unknown fields refused.

A field that the client left out is ``UNSET``, which differs from ``null``: only keys that are present change anything.
Source: OpenAI Realtime reference, "Client events", and ``openai.types.realtime``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

EventId = Annotated[str, Meta(max_length=512)]
ItemId = Annotated[str, Meta(min_length=1, max_length=128)]
ShortText = Annotated[str, Meta(max_length=1024)]
LongText = Annotated[str, Meta(max_length=262_144)]
Milliseconds = Annotated[int, Meta(ge=0, le=86_400_000)]
Modalities = Annotated[list[Literal["audio", "text"]], Meta(min_length=1, max_length=2)]
Temperature = Annotated[float, Meta(ge=0, le=2)]
MaxOutputTokens = Annotated[int, Meta(ge=1, le=4096)] | Literal["inf"] | None
Metadata = Annotated[
    dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=512)]],
    Meta(max_length=16),
]


class Wire(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of what a client may send."""


class AudioFormat(Wire, frozen=True):
    """``audio/pcm`` is 24 kHz only; over WebRTC the track carries what SDP agreed, and this is echoed."""

    type: Literal["audio/pcm", "audio/pcmu", "audio/pcma"]
    rate: Literal[24000] | UnsetType = UNSET


class NoiseReduction(Wire, frozen=True):
    """How far the speaker is from the microphone; the strength is kept and echoed."""

    type: Literal["near_field", "far_field"] | UnsetType = UNSET
    strength: Annotated[float, Meta(ge=0, le=1)] | UnsetType = UNSET


class Transcription(Wire, frozen=True):
    """How the caller's speech is written down."""

    model: ShortText | UnsetType | None = UNSET
    language: Annotated[str, Meta(max_length=35)] | UnsetType | None = UNSET
    prompt: LongText | UnsetType | None = UNSET
    languages: Annotated[list[ShortText], Meta(max_length=32)] | UnsetType | None = UNSET
    keywords: Annotated[list[ShortText], Meta(max_length=1000)] | UnsetType | None = UNSET
    delay: Literal["minimal", "low", "medium", "high", "xhigh"] | UnsetType | None = UNSET


class TurnDetection(Wire, frozen=True):
    """When a turn starts and ends; a ``type`` that we do not know is taken as ``server_vad``."""

    type: Annotated[str, Meta(max_length=64)] | UnsetType = UNSET
    threshold: Annotated[float, Meta(ge=0, le=1)] | UnsetType | None = UNSET
    prefix_padding_ms: Annotated[int, Meta(ge=0, le=5000)] | UnsetType | None = UNSET
    silence_duration_ms: Annotated[int, Meta(ge=20, le=10000)] | UnsetType | None = UNSET
    create_response: bool | UnsetType | None = UNSET
    interrupt_response: bool | UnsetType | None = UNSET
    idle_timeout_ms: Annotated[int, Meta(ge=1000, le=3600000)] | UnsetType | None = UNSET
    eagerness: Literal["low", "medium", "high", "auto"] | UnsetType | None = UNSET


class Voice(Wire, frozen=True):
    """A voice of one's own, by its name."""

    id: Annotated[str, Meta(max_length=256)]


AnyVoice = Annotated[str, Meta(max_length=256)] | Voice


class AudioInput(Wire, frozen=True):
    """What concerns the microphone."""

    format: AudioFormat | UnsetType = UNSET
    noise_reduction: NoiseReduction | UnsetType | None = UNSET
    transcription: Transcription | UnsetType | None = UNSET
    turn_detection: TurnDetection | UnsetType | None = UNSET


class AudioOutput(Wire, frozen=True):
    """What concerns the loudspeaker."""

    format: AudioFormat | UnsetType = UNSET
    voice: AnyVoice | UnsetType = UNSET
    speed: Annotated[float, Meta(ge=0.25, le=1.5)] | UnsetType = UNSET


class Audio(Wire, frozen=True):
    """Both directions."""

    input: AudioInput | UnsetType = UNSET
    output: AudioOutput | UnsetType = UNSET


class FunctionTool(Wire, frozen=True):
    """A function that the model may call; ``strict`` is accepted because SDKs send it, and means nothing here."""

    type: Literal["function"]
    name: Annotated[str, Meta(min_length=1, max_length=128)]
    description: LongText | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


Tools = Annotated[list[dict[str, Any]], Meta(max_length=128)]
"""Read one by one as :class:`FunctionTool`, so that a tool of another kind gets an answer that names it."""


class FunctionChoice(Wire, frozen=True):
    """The model must call this function."""

    type: Literal["function"]
    name: Annotated[str, Meta(min_length=1, max_length=128)]


ToolChoice = Literal["auto", "none", "required"] | FunctionChoice


class Tracing(Wire, frozen=True):
    """Kept and echoed."""

    workflow_name: ShortText | UnsetType | None = UNSET
    group_id: ShortText | UnsetType | None = UNSET
    metadata: dict[str, Any] | UnsetType | None = UNSET


class RetentionRatio(Wire, frozen=True):
    """Kept and echoed."""

    type: Literal["retention_ratio"]
    retention_ratio: Annotated[float, Meta(ge=0, le=1)]
    token_limits: dict[str, int] | UnsetType | None = UNSET


class Prompt(Wire, frozen=True):
    """A stored prompt; kept and echoed."""

    id: ShortText
    version: ShortText | UnsetType | None = UNSET
    variables: dict[str, Any] | UnsetType | None = UNSET


class Reasoning(Wire, frozen=True):
    """For models that reason."""

    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | UnsetType | None = UNSET


class SessionPatch(Wire, frozen=True):
    """The ``session`` of ``session.update`` and of ``POST /v1/realtime/calls``.

    ``temperature`` is of the beta contract and of other providers; the GA contract has none, so it is not written back.
    """

    type: Literal["realtime", "transcription"] | UnsetType = UNSET
    model: ShortText | UnsetType | None = UNSET
    instructions: LongText | UnsetType | None = UNSET
    output_modalities: Modalities | UnsetType | None = UNSET
    audio: Audio | UnsetType = UNSET
    tools: Tools | UnsetType | None = UNSET
    tool_choice: ToolChoice | UnsetType | None = UNSET
    parallel_tool_calls: bool | UnsetType | None = UNSET
    max_output_tokens: MaxOutputTokens | UnsetType = UNSET
    tracing: Literal["auto"] | Tracing | UnsetType | None = UNSET
    truncation: Literal["auto", "disabled"] | RetentionRatio | UnsetType | None = UNSET
    prompt: Prompt | UnsetType | None = UNSET
    include: (
        Annotated[list[Literal["item.input_audio_transcription.logprobs"]], Meta(max_length=8)] | UnsetType | None
    ) = UNSET
    reasoning: Reasoning | UnsetType | None = UNSET
    temperature: Temperature | UnsetType | None = UNSET


class Content(Wire, frozen=True):
    """One part of a message; which fields it needs depends on its type and on the message's role."""

    type: str
    text: LongText | None = None
    transcript: LongText | None = None
    audio: str | None = None
    image_url: str | None = None
    detail: str | None = None


class WireItem(Wire, frozen=True):
    """An item as the client writes it: a message, a function call or its output."""

    type: str
    id: ItemId | None = None
    object: Literal["realtime.item"] | None = None
    status: Literal["completed", "incomplete", "in_progress"] | None = None
    role: Literal["system", "user", "assistant"] | None = None
    content: Annotated[list[Content], Meta(max_length=64)] | None = None
    call_id: Annotated[str, Meta(max_length=128)] | None = None
    name: Annotated[str, Meta(max_length=128)] | None = None
    arguments: LongText | None = None
    output: LongText | None = None


class ResponseAudioOutput(Wire, frozen=True):
    """``audio.output`` of ``response.create``."""

    format: AudioFormat | UnsetType = UNSET
    voice: AnyVoice | UnsetType = UNSET


class ResponseAudio(Wire, frozen=True):
    """``audio`` of ``response.create``."""

    output: ResponseAudioOutput | UnsetType = UNSET


class ResponseParams(Wire, frozen=True):
    """The ``response`` of ``response.create``: what differs from the session for this one answer."""

    instructions: LongText | None = None
    output_modalities: Modalities | None = None
    audio: ResponseAudio | None = None
    tools: Tools | UnsetType | None = UNSET
    tool_choice: ToolChoice | UnsetType | None = UNSET
    parallel_tool_calls: bool | UnsetType | None = UNSET
    max_output_tokens: MaxOutputTokens | UnsetType = UNSET
    conversation: Literal["auto", "none"] | None = None
    metadata: Metadata | None = None
    input: Annotated[list[WireItem], Meta(max_length=256)] | None = None
    prompt: Prompt | None = None
    reasoning: Reasoning | UnsetType | None = UNSET
    temperature: Temperature | UnsetType | None = UNSET


# --- the eleven client events -----------------------------------------------------------------------------------------


class ClientEvent(Wire, frozen=True, kw_only=True, tag_field="type"):
    """Base of all client events."""

    event_id: EventId | None = None


class SessionUpdate(ClientEvent, frozen=True, kw_only=True, tag="session.update"):
    """Change the session."""

    session: SessionPatch


class InputAppend(ClientEvent, frozen=True, kw_only=True, tag="input_audio_buffer.append"):
    """Audio as text (base64); refused over WebRTC, whose track carries the sound."""

    audio: str


class InputCommit(ClientEvent, frozen=True, kw_only=True, tag="input_audio_buffer.commit"):
    """End the caller's turn."""


class InputClear(ClientEvent, frozen=True, kw_only=True, tag="input_audio_buffer.clear"):
    """Forget audio that was not committed."""


class OutputClear(ClientEvent, frozen=True, kw_only=True, tag="output_audio_buffer.clear"):
    """Stop playing."""


class ItemCreate(ClientEvent, frozen=True, kw_only=True, tag="conversation.item.create"):
    """Add an item."""

    item: WireItem
    previous_item_id: ItemId | None = None


class ItemRetrieve(ClientEvent, frozen=True, kw_only=True, tag="conversation.item.retrieve"):
    """Send the item back."""

    item_id: ItemId


class ItemTruncate(ClientEvent, frozen=True, kw_only=True, tag="conversation.item.truncate"):
    """Only so much was heard."""

    item_id: ItemId
    content_index: Annotated[int, Meta(ge=0, le=1024)]
    audio_end_ms: Milliseconds


class ItemDelete(ClientEvent, frozen=True, kw_only=True, tag="conversation.item.delete"):
    """Take the item out."""

    item_id: ItemId


class ResponseCreate(ClientEvent, frozen=True, kw_only=True, tag="response.create"):
    """Answer now."""

    response: ResponseParams | None = None


class ResponseCancel(ClientEvent, frozen=True, kw_only=True, tag="response.cancel"):
    """Stop answering."""

    response_id: ItemId | None = None


CLIENT_EVENTS: tuple[type[ClientEvent], ...] = (
    SessionUpdate,
    InputAppend,
    InputCommit,
    InputClear,
    OutputClear,
    ItemCreate,
    ItemRetrieve,
    ItemTruncate,
    ItemDelete,
    ResponseCreate,
    ResponseCancel,
)
BY_TYPE: dict[str, type[ClientEvent]] = {str(event.__struct_config__.tag): event for event in CLIENT_EVENTS}
