"""The messages of an Ultravox call, as far as we read and write them.

Source: docs.ultravox.ai, "Protocol & Data Messages" and "WebSockets", and the vendor's websocket example client. Text frames
are one JSON object each; binary frames are raw PCM16 little-endian mono at the rates that the call was made with.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from bridges.arguments import arguments
from bridges.tagged import Tagged

# --- from the server --------------------------------------------------------------------------------------------------


class Plain(Struct):
    """A message whose type says everything, or of which nothing else is used."""


class State(Struct):
    """What the agent does now."""

    state: str


class Transcript(Struct):
    """Part of an utterance: ``text`` is the whole so far, ``delta`` what was added; the same ``ordinal``, the same one."""

    role: Literal["user", "agent"]
    ordinal: int
    medium: Literal["voice", "text"] = "voice"
    text: str | None = None
    delta: str | None = None
    final: bool = False


class ToolInvocation(Struct, rename="camel"):
    """A function that the client runs; ``parameters`` is an object."""

    tool_name: str
    invocation_id: str
    parameters: Raw = Raw(b"{}")

    @property
    def arguments(self) -> str:
        """The parameters as a JSON string. Raises Garbled."""
        return arguments(self.parameters)


_READ = Tagged(
    {
        "call_started": Plain,
        "state": State,
        "transcript": Transcript,
        "client_tool_invocation": ToolInvocation,
        "playback_clear_buffer": Plain,
        # The fields of these two are not documented: only the type is used.
        "user_started_speaking": Plain,
        "user_stopped_speaking": Plain,
        # Said for the record: nothing follows from them here.
        "pong": Plain,
        "debug": Plain,
        "call_event": Plain,
        "tool_used": Plain,
        "invoking_tool": Plain,
        "data_connection_tool_invocation": Plain,
    },
    "a text message that is none of a call's",
)
read = _READ.read


# --- to the server ----------------------------------------------------------------------------------------------------


class Out(Struct, tag_field="type", rename="camel"):
    """Base of what is sent."""


class UserText(Out, tag="user_text_message"):
    """A written turn: ``immediate`` is answered now and stops what is said, ``later`` is only to be known."""

    text: str
    urgency: Literal["immediate", "soon", "later"]


class SetOutputMedium(Out, tag="set_output_medium"):
    """Speak or write from now on."""

    medium: Literal["voice", "text"]


class ToolResult(Out, tag="client_tool_result", omit_defaults=True):
    """A function's output, or what went wrong."""

    invocation_id: str
    result: str | UnsetType = UNSET
    response_type: str | UnsetType = UNSET
    error_type: str | UnsetType = UNSET
    error_message: str | UnsetType = UNSET


class HangUp(Out, tag="hang_up"):
    """End the call."""


_ENCODER = msgspec.json.Encoder()


def write(message: Out) -> str:
    """Return the text frame."""
    return _ENCODER.encode(message).decode()


def result(invocation_id: str, output: str, *, error: bool) -> ToolResult:
    """Return a function's output as the call takes it."""
    if error:
        return ToolResult(invocation_id, error_type="implementation-error", error_message=output)
    return ToolResult(invocation_id, output, "tool-response")
