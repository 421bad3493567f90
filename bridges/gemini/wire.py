"""The messages of the Gemini Live API, as far as we read them. Field names are the JSON ones (camelCase).

Source: Gemini API reference, "Live API" (``BidiGenerateContentServerMessage``), and the types of ``google-genai``. Every
server message is JSON, also in binary frames; one may hold several parts at once.
"""

from __future__ import annotations

from math import isfinite
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct

from bridges.arguments import arguments
from bridges.codec import Garbled, Message

MAX_CALLS = 64
RATE = "rate=24000"
Count = Annotated[int, Meta(ge=0, le=1 << 40)]


class In(Struct, rename="camel"):
    """Base of what the server sends; what we do not know of it is passed over."""


class Blob(In):
    """Sound: ``mimeType`` is ``audio/pcm;rate=24000``; ``data`` comes in Base64."""

    data: bytes
    mime_type: str = "audio/pcm"


class Part(In):
    """A piece of the model's turn."""

    text: str | None = None
    thought: bool = False
    inline_data: Blob | None = None


class Content(In):
    """What the model says."""

    parts: Annotated[list[Part], Meta(max_length=256)] = []
    role: str = "model"


class Transcript(In):
    """Words as they are recognised; each message brings the next ones."""

    text: str = ""
    finished: bool = False


class ServerContent(In):
    """What the model does."""

    model_turn: Content | None = None
    turn_complete: bool = False
    interrupted: bool = False
    generation_complete: bool = False
    turn_complete_reason: str | None = None
    interaction_status: str | None = None
    input_transcription: Transcript | None = None
    output_transcription: Transcript | None = None


class FunctionCall(In):
    """One function to call; ``args`` is an object."""

    name: str
    id: str | None = None
    args: Raw = Raw(b"{}")

    @property
    def arguments(self) -> str:
        """The arguments as a JSON string. Raises Garbled."""
        return arguments(self.args)


class ToolCall(In):
    """The model asks for functions."""

    function_calls: Annotated[list[FunctionCall], Meta(max_length=MAX_CALLS)] = []


class ToolCallCancellation(In):
    """It does without these."""

    ids: Annotated[list[str], Meta(max_length=MAX_CALLS)] = []


class GoAway(In):
    """The connection will end; ``timeLeft`` is a duration such as ``9.5s``."""

    time_left: str = "0s"


class Resumption(In):
    """Under this handle the session can be taken up again."""

    new_handle: str | None = None
    resumable: bool = False


class ModalityCount(In):
    """Tokens of one kind: ``TEXT``, ``AUDIO``, ``IMAGE``, ``VIDEO``."""

    modality: str = "TEXT"
    token_count: Count = 0


class UsageMetadata(In):
    """Tokens; the details need not add up to the totals."""

    prompt_token_count: Count = 0
    response_token_count: Count = 0
    cached_content_token_count: Count = 0
    tool_use_prompt_token_count: Count = 0
    thoughts_token_count: Count = 0
    prompt_tokens_details: list[ModalityCount] = []
    response_tokens_details: list[ModalityCount] = []
    cache_tokens_details: list[ModalityCount] = []


class ServerMessage(In):
    """One message of the server."""

    setup_complete: dict[str, Any] | None = None
    server_content: ServerContent | None = None
    tool_call: ToolCall | None = None
    tool_call_cancellation: ToolCallCancellation | None = None
    go_away: GoAway | None = None
    session_resumption_update: Resumption | None = None
    usage_metadata: UsageMetadata | None = None


_DECODER = msgspec.json.Decoder(ServerMessage)
_KEYS = msgspec.json.Decoder(dict[str, msgspec.Raw])
KNOWN = frozenset(field.encode_name for field in msgspec.structs.fields(ServerMessage))


def read(message: Message) -> tuple[ServerMessage, frozenset[str]]:
    """Return a message and the names in it that we do not know. Raises Garbled before anything of it is used."""
    try:
        told = _DECODER.decode(message)
        unknown = frozenset(_KEYS.decode(message)) - KNOWN
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise Garbled("a message that is none of the protocol") from None
    for part in sounds(told):
        _check_sound(part)
    for call in told.tool_call.function_calls if told.tool_call is not None else ():
        arguments(call.args)
    return told, unknown


def sounds(told: ServerMessage) -> list[Blob]:
    """Return all sound of a message."""
    turn = told.server_content.model_turn if told.server_content is not None else None
    return [part.inline_data for part in turn.parts if part.inline_data is not None] if turn is not None else []


def _check_sound(blob: Blob) -> None:
    if len(blob.data) & 1:
        raise Garbled("sound that ends in the middle of a sample")
    if not blob.mime_type.startswith("audio/pcm") or ("rate=" in blob.mime_type and RATE not in blob.mime_type):
        raise Garbled("sound in another form than the protocol's")


def write(message: dict[str, Any]) -> str:
    """Return a message as it is sent."""
    return msgspec.json.encode(message).decode()


def seconds(duration: str) -> float:
    """Return a duration such as ``9.5s`` in seconds, 0 for what is none."""
    try:
        value = float(duration.removesuffix("s"))
    except ValueError:
        return 0.0
    return max(0.0, value) if isfinite(value) else 0.0
