"""The messages of ElevenLabs Agents, as far as we read and write them.

Source: the ``elevenlabs`` Python SDK 2.78 (``conversational_ai/conversation.py`` and ``types``) and ``@elevenlabs/types``
0.23 (``asyncapi-types.d.ts``). JSON text frames only; sound is base64 inside. What is not used of a message is not read.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct, field

from bridges.arguments import arguments
from bridges.tagged import Tagged

# --- from the agent ---------------------------------------------------------------------------------------------------


class Plain(Struct):
    """A message whose type says everything, or of which nothing else is used."""


class MetadataEvent(Struct):
    """The conversation has begun; the formats are the agent's settings, ``pcm_16000`` unless it has others."""

    conversation_id: str
    agent_output_audio_format: str = "pcm_16000"
    user_input_audio_format: str = "pcm_16000"


class Metadata(Struct):
    """``conversation_initiation_metadata``."""

    conversation_initiation_metadata_event: MetadataEvent


class Alignment(Struct):
    """When each character is spoken, in ms of this piece of sound; three lists of one length."""

    chars: Annotated[list[str], Meta(max_length=4096)] = []
    char_start_times_ms: Annotated[list[float], Meta(max_length=4096)] = []
    char_durations_ms: Annotated[list[float], Meta(max_length=4096)] = []


class AudioEvent(Struct):
    """Some of the agent's sound in the format that the metadata told."""

    audio_base_64: bytes
    event_id: int
    alignment: Alignment | None = None


class Audio(Struct):
    """``audio``."""

    audio_event: AudioEvent


class TranscriptEvent(Struct):
    """What the caller said, or seems to be saying."""

    user_transcript: str
    event_id: int = 0


class UserTranscript(Struct):
    """``user_transcript``: final, one for each turn."""

    user_transcription_event: TranscriptEvent


class TentativeTranscript(Struct):
    """``tentative_user_transcript``: replaces the one before."""

    tentative_user_transcription_event: TranscriptEvent


class ResponseEvent(Struct):
    """The whole text of an answer; it comes near its first sound, not at its end."""

    agent_response: str
    event_id: int = 0


class AgentResponse(Struct):
    """``agent_response``."""

    agent_response_event: ResponseEvent


class CorrectionEvent(Struct):
    """What was really said before the caller spoke into it."""

    corrected_agent_response: str
    event_id: int = 0


class Correction(Struct):
    """``agent_response_correction``."""

    agent_response_correction_event: CorrectionEvent


class TextPart(Struct):
    """A piece of an answer as it is written; ``type`` is ``start``, ``delta`` or ``stop``."""

    text: str = ""
    type: str = "delta"
    event_id: int = 0


class ChatPart(Struct):
    """``agent_chat_response_part``."""

    text_response_part: TextPart


class InterruptionEvent(Struct):
    """The agent stopped: sound up to this id is not wanted any more."""

    event_id: int


class Interruption(Struct):
    """``interruption``."""

    interruption_event: InterruptionEvent


class PingEvent(Struct):
    """Has to be answered with the same id."""

    event_id: int


class Ping(Struct):
    """``ping``."""

    ping_event: PingEvent


class ToolCall(Struct):
    """A function of the agent that its client runs; ``parameters`` is an object."""

    tool_name: str
    tool_call_id: str
    parameters: Raw = Raw(b"{}")
    event_id: int = 0

    @property
    def arguments(self) -> str:
        """The parameters as a JSON string. Raises Garbled."""
        return arguments(self.parameters)


class ClientToolCall(Struct):
    """``client_tool_call``."""

    client_tool_call: ToolCall


class ErrorEvent(Struct):
    """``message``, ``reason`` and ``details`` are not read: they may repeat what was sent."""

    code: int = 0
    error_type: str | None = None


class Failure(Struct):
    """``error``."""

    error_event: ErrorEvent


_READ = Tagged(
    {
        "conversation_initiation_metadata": Metadata,
        "audio": Audio,
        "user_transcript": UserTranscript,
        "tentative_user_transcript": TentativeTranscript,
        "agent_response": AgentResponse,
        "agent_response_correction": Correction,
        "agent_chat_response_part": ChatPart,
        "agent_response_complete": Plain,
        "interruption": Interruption,
        "client_tool_call": ClientToolCall,
        "ping": Ping,
        "error": Failure,
        # Said for the record: nothing follows from them here.
        "vad_score": Plain,
        "asr_initiation_metadata": Plain,
        "agent_response_metadata": Plain,
        "agent_reasoning_response_part": Plain,
        "agent_tool_request": Plain,
        "agent_tool_response": Plain,
        "agent_tool_response_full_payload": Plain,
        "agent_typing": Plain,
        "mcp_tool_call": Plain,
        "mcp_connection_status": Plain,
        "context_usage": Plain,
        "guardrail_triggered": Plain,
        "rich_content": Plain,
    },
    "a message that is none of an agent's",
)
read = _READ.read


# --- to the agent -----------------------------------------------------------------------------------------------------


class Out(Struct, tag_field="type", omit_defaults=True):
    """Base of what is sent."""


class UserAudio(Struct):
    """Sound of the caller: the one message without a type."""

    user_audio_chunk: bytes


class Initiation(Out, tag="conversation_initiation_client_data"):
    """The first message; an override that the agent's security settings forbid ends the session."""

    conversation_config_override: dict[str, Any] = field(default_factory=dict)
    dynamic_variables: dict[str, Any] = field(default_factory=dict)
    custom_llm_extra_body: dict[str, Any] = field(default_factory=dict)


class Pong(Out, tag="pong"):
    """The answer to a ping."""

    event_id: int


class ToolResult(Out, tag="client_tool_result", omit_defaults=False):
    """A function's output."""

    tool_call_id: str
    result: str
    is_error: bool


class ContextualUpdate(Out, tag="contextual_update"):
    """Something to know; starts and interrupts nothing."""

    text: str


class UserMessage(Out, tag="user_message"):
    """A written turn of the user; the agent answers."""

    text: str


_ENCODER = msgspec.json.Encoder()


def write(message: Out | UserAudio) -> str:
    """Return the text frame."""
    return _ENCODER.encode(message).decode()
