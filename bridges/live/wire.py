"""The events of GPT-Live that we read and write.

Source: OpenAI API reference, "Live" (``/v1/live/sessions``), and ``openai.types.live``. JSON in text frames, sound
in base64.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any

import msgspec
from msgspec import Struct

from bridges.codec import Garbled
from bridges.tagged import Tagged

# --- from the model ---------------------------------------------------------------------------------------------------


class Plain(Struct):
    """An event whose type says everything, or of which nothing else is used."""


class Sound(Struct):
    """``session.output_audio.delta``."""

    delta: str


class Words(Struct):
    """A fragment of a transcript and where it lies in the session, in milliseconds."""

    delta: str
    start_ms: int
    end_ms: int


class Delegation(Struct):
    """A task handed on: to us (``client``) or to a model of OpenAI's (``responses``). What the task is it does not say."""

    id: str
    target: str


class DelegationCreated(Struct):
    """``session.delegation.created``."""

    delegation: Delegation


class Cached(Struct):
    """Tokens that were cached."""

    cached_tokens: int = 0


class Reasoned(Struct):
    """Tokens that were thought."""

    reasoning_tokens: int = 0


class Tokens(Struct):
    """The usage of a delegated response."""

    input_tokens: int = 0
    output_tokens: int = 0
    input_tokens_details: Cached | None = None
    output_tokens_details: Reasoned | None = None


class Delegated(Struct):
    """A delegated response, without its content."""

    id: str
    usage: Tokens | None = None


class OutputItem(Struct):
    """An item that the delegated response made; ``function_call`` is ours to answer."""

    type: str
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None


class Inner(Struct):
    """An event of the delegated response's stream (OpenAI API reference, "Responses", streaming events)."""

    type: str
    item: OutputItem | None = None
    response: Delegated | None = None


class ResponseEvent(Struct):
    """``response.event``."""

    event: Inner


class Seconds(Struct):
    """Connected time since the session began."""

    seconds: float


class UsageUpdated(Struct):
    """``session.usage.updated``; cumulative."""

    usage: Seconds


class Closed(Struct):
    """``session.closed``: the last event, with the final usage."""

    reason: str
    usage: Seconds


class Fault(Struct):
    """What went wrong; the message is OpenAI's and may repeat what was sent, so only the other fields are used."""

    code: str | None = None
    type: str | None = None
    param: str | None = None
    client_event_id: str | None = None


class ErrorEvent(Struct):
    """``error``."""

    error: Fault


_READ = Tagged(
    {
        "session.started": Plain,
        "session.output_audio.delta": Sound,
        "session.output_transcript.delta": Words,
        "session.input_transcript.delta": Words,
        "session.delegation.created": DelegationCreated,
        "response.event": ResponseEvent,
        "session.usage.updated": UsageUpdated,
        "session.closed": Closed,
        "error": ErrorEvent,
        # Said for the record: nothing follows from them here.
        "session.updated": Plain,
        "session.instructions.appended": Plain,
        "session.thinking.appended": Plain,
        "session.commentary.appended": Plain,
        "info": Plain,
    },
    "a text message that is no event of GPT-Live's",
)
read = _READ.read


def sound(delta: str) -> bytes:
    """Return the PCM of a delta. Raises Garbled for what is not base64 or not whole samples."""
    try:
        pcm = b64decode(delta, validate=True)
    except ValueError:
        raise Garbled("sound that is not base64") from None
    if len(pcm) & 1:
        raise Garbled("sound of half a sample")
    return pcm


# --- to the model -----------------------------------------------------------------------------------------------------


class Out(Struct, tag_field="type", omit_defaults=True, kw_only=True):
    """Base of what is sent; ``event_id`` comes back in an error about it."""

    event_id: str | None = None


class Start(Out, tag="session.start"):
    """The first event; the session is refused for a field that is not known."""

    session: dict[str, Any]


class Update(Out, tag="session.update"):
    """New settings of the delegation."""

    session: dict[str, Any]


class AppendInstructions(Out, tag="session.instructions.append"):
    """A developer's line; the key ``delegation_id`` is required and null."""

    content: str
    delegation_id: str | None


class AppendCommentary(Out, tag="session.commentary.append"):
    """Something that the model may tell the caller."""

    content: str
    delegation_id: str | None


class AppendThinking(Out, tag="session.thinking.append"):
    """Something that the model is to know."""

    content: str
    delegation_id: str | None


class CreateItem(Out, tag="response.item.create"):
    """An item for the delegated model: what a function returned."""

    item: dict[str, Any]


class CreateResponse(Out, tag="response.create"):
    """The delegated model may go on."""


class Close(Out, tag="session.close"):
    """We hang up."""


_ENCODER = msgspec.json.Encoder()


def write(message: Out) -> str:
    """Return an event as the text of a frame."""
    return _ENCODER.encode(message).decode()


def append(pcm: bytes) -> str:
    """Return the event that carries sound; built by hand, fifty times a second."""
    return f'{{"type":"session.input_audio.append","audio":"{b64encode(pcm).decode()}"}}'
