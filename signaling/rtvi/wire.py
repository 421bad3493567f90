"""Messages of the RTVI protocol as they are on the wire (Pipecat client SDKs, ``rtvi/messages.ts``)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from mediaserver.clock import new_id

LABEL = "rtvi-ai"
VERSION = "2.1.0"
SIGNALLING = "signalling"

MAX_ID = 128
MAX_NAME = 256
MAX_BUTTONS = 64

Name = Annotated[str, Meta(min_length=1, max_length=MAX_NAME)]
Message = dict[str, Any]


class Envelope(Struct, frozen=True):
    """What every message of the client is wrapped in; ``id`` comes back in the answer."""

    type: Name
    id: Annotated[str, Meta(max_length=MAX_ID)] = ""
    data: Any = None


class ClientReady(Struct, frozen=True):
    """The client takes messages now, in its version of the protocol."""

    version: Annotated[str, Meta(max_length=MAX_NAME)] = VERSION


class TextOptions(Struct, frozen=True):
    """Whether a text is answered at once (the reply before is cut short), and whether aloud."""

    run_immediately: bool = True
    audio_response: bool = True


class SendText(Struct, frozen=True):
    """The user typed something."""

    content: Annotated[str, Meta(min_length=1)]
    options: TextOptions | None = None


class TextPart(Struct, frozen=True):
    """One piece of a message's content."""

    type: Literal["text"]
    text: str


class AppendToContext(Struct, frozen=True):
    """Put a message into the conversation (deprecated by the protocol in favour of ``send-text``)."""

    role: Literal["system", "user", "assistant"]
    content: str | list[TextPart]
    run_immediately: bool | None = None


class FunctionResult(Struct, frozen=True):
    """What a function that the client executed returned: text, or anything as JSON."""

    tool_call_id: Name
    result: Any = None


class ClientMessage(Struct, frozen=True):
    """A message of the application's own: ``t`` names it, ``d`` is its data."""

    t: Name
    d: Any = None


class Dtmf(Struct, frozen=True):
    """Telephone keys; ``button`` is how version 2.0 spells one."""

    buttons: Annotated[list[str], Meta(max_length=MAX_BUTTONS)] | None = None
    button: str | None = None


def message(kind: str, data: Any = None, message_id: str = "") -> Message:
    """Return a message to the client; one that answers none gets a name of its own."""
    return {"label": LABEL, "type": kind, "id": message_id or new_id("rtvi"), "data": data}


def signalling(kind: str) -> Message:
    """Return a message about the transport itself."""
    return {"type": SIGNALLING, "message": {"type": kind}}
