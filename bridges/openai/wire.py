"""What the provider sends, as far as we look at it: a struct per message, a table from type to struct.

Source: OpenAI Realtime API reference, "Server events" (GA). Everything that some speaker of this protocol leaves out has a
default (xAI omits indexes and times); what is there has its type or the message is garbled. Unknown fields are ignored.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct, field

from bridges.codec import Garbled, Message


class Head(Struct, frozen=True):
    """What every message has."""

    type: str


class ErrorBody(Struct, frozen=True):
    message: str = ""
    type: str | None = None
    code: str | int | None = None
    param: str | None = None
    event_id: str | None = None


class Failed(Struct, frozen=True):
    """``error``."""

    error: ErrorBody


class ConversationBody(Struct, frozen=True):
    id: str = ""


class ConversationCreated(Struct, frozen=True):
    """``conversation.created``."""

    conversation: ConversationBody = ConversationBody()


class Heard(Struct, frozen=True):
    """``input_audio_buffer.*``: the caller's speech."""

    item_id: str = ""
    previous_item_id: str | None = None
    audio_start_ms: int | None = None
    audio_end_ms: int | None = None


class TokenDetails(Struct, frozen=True):
    text_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens_details: TokenDetails | None = None


class UsageBody(Struct, frozen=True):
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_token_details: TokenDetails | None = None
    output_token_details: TokenDetails | None = None
    seconds: float | None = None


class Transcribed(Struct, frozen=True):
    """``conversation.item.input_audio_transcription.*``."""

    item_id: str = ""
    delta: str | None = None
    transcript: str = ""
    status: str = ""
    usage: UsageBody | None = None
    error: ErrorBody | None = None


class ItemBody(Struct, frozen=True):
    id: str = ""
    type: str = ""
    status: str | None = None
    name: str | None = None
    call_id: str | None = None
    arguments: str | None = None


class StatusDetails(Struct, frozen=True):
    reason: str | None = None
    error: ErrorBody | None = None


class ResponseBody(Struct, frozen=True):
    id: str = ""
    status: str | None = None
    status_details: StatusDetails | None = None
    output: list[ItemBody] = field(default_factory=list)
    output_modalities: list[str] | None = None
    metadata: dict[str, Any] | None = None
    usage: UsageBody | None = None


class ResponseMessage(Struct, frozen=True):
    """``response.created`` and ``response.done``; xAI may put the usage beside the response."""

    response: ResponseBody
    usage: UsageBody | None = None


class ResponsePart(Struct, frozen=True):
    """All other ``response.*``: a piece of a reply, or the end of one."""

    response_id: str = ""
    item_id: str = ""
    delta: str = ""
    text: str | None = None
    transcript: str | None = None
    call_id: str = ""
    name: str | None = None
    arguments: str | None = None
    item: ItemBody | None = None


class LimitBody(Struct, frozen=True):
    name: str = ""
    limit: int = 0
    remaining: int = 0
    reset_seconds: float = 0.0


class Limits(Struct, frozen=True):
    """``rate_limits.updated``."""

    rate_limits: list[LimitBody] = field(default_factory=list)


_HEAD = msgspec.json.Decoder(Head)


def kind(message: Message) -> str:
    """Return the type of a message. Raises Garbled for what is no object with one."""
    if not isinstance(message, str):
        raise Garbled("a binary message where there are none")
    return str(_decode(_HEAD, message).type)


def read(message: Message, decoder: msgspec.json.Decoder[Any]) -> Any:
    """Return the message's struct. Raises Garbled."""
    return _decode(decoder, message)


def _decode(decoder: msgspec.json.Decoder[Any], message: Message) -> Any:
    try:
        return decoder.decode(message)
    except msgspec.ValidationError:
        raise Garbled("a field of another type than documented") from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise Garbled("text that is no JSON") from None
