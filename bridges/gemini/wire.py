"""The messages of the Gemini Live API, as far as we read them. Field names are the JSON ones (camelCase).

Source: Gemini API reference, "Live API" (``BidiGenerateContentServerMessage``), and the types of ``google-genai``. Every
server message is JSON, also in binary frames; one may hold several parts at once.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from bridges.codec import Garbled, Message

MAX_CALLS = 64
Count = Annotated[int, Meta(ge=0, le=1 << 40)]


class In(Struct, rename="camel"):
    """Base of what the server sends; what we do not know of it is passed over."""


class Blob(In):
    """Sound: ``mimeType`` is ``audio/pcm;rate=24000``."""

    data: str
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
    args: dict[str, Any] = {}


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
    """Return a message and the names in it that we do not know. Raises Garbled."""
    try:
        return _DECODER.decode(message), frozenset(_KEYS.decode(message)) - KNOWN
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise Garbled("a message that is none of the protocol") from None


def sound(blob: Blob) -> bytes:
    """Return the samples of a piece of sound. Raises Garbled."""
    try:
        pcm = b64decode(blob.data, validate=True)
    except (NotBase64, ValueError):
        raise Garbled("sound that is no Base64") from None
    if len(pcm) & 1:
        raise Garbled("sound of half a sample")
    return pcm


def write(message: dict[str, Any]) -> str:
    """Return a message as it is sent."""
    return msgspec.json.encode(message).decode()


def seconds(duration: str) -> float:
    """Return a duration such as ``9.5s`` in seconds, 0 for what is none."""
    try:
        return max(0.0, float(duration.removesuffix("s")))
    except ValueError:
        return 0.0
