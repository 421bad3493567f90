"""The messages of Deepgram's Voice Agent, as far as we read and write them.

Source: Deepgram API reference, "Voice Agent" (AsyncAPI ``agent.v1``), and the types of ``deepgram-sdk``. Control is JSON in
text frames with a ``type``; sound is in binary frames, both ways: raw PCM, or one Opus packet in each.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from bridges.tagged import Tagged

MAX_FUNCTIONS = 64


# --- from the agent ---------------------------------------------------------------------------------------------------


class Plain(Struct):
    """A message whose type says everything, or of which nothing else is used."""


class ConversationText(Struct):
    """A sentence or a turn that was said; ``role`` is ``user`` or ``assistant``."""

    role: str
    content: str


class Function(Struct):
    """One function to call; ``arguments`` is a JSON string. Only what is ``client_side`` is ours to answer."""

    id: str
    name: str
    arguments: str
    client_side: bool


class FunctionCallRequest(Struct):
    """The model asks for functions."""

    functions: Annotated[list[Function], Meta(max_length=MAX_FUNCTIONS)]


class CancelledFunction(Struct):
    """A function whose result is not wanted any more."""

    id: str


class FunctionCallCancelled(Struct):
    """The model does without these."""

    functions: Annotated[list[CancelledFunction], Meta(max_length=MAX_FUNCTIONS)]


class Coded(Struct):
    """``Warning`` and ``Error``; the description is the vendor's and may repeat what was sent, so only the code is used."""

    code: str


_READ = Tagged(
    {
        "Welcome": Plain,
        "SettingsApplied": Plain,
        "ConversationText": ConversationText,
        "UserStartedSpeaking": Plain,
        "AgentThinking": Plain,
        "AgentStartedSpeaking": Plain,
        "AgentAudioDone": Plain,
        "FunctionCallRequest": FunctionCallRequest,
        "FunctionCallCancelled": FunctionCallCancelled,
        "InjectionRefused": Plain,
        "Warning": Coded,
        "Error": Coded,
        # Said for the record: nothing follows from them here.
        "PromptUpdated": Plain,
        "SpeakUpdated": Plain,
        "ThinkUpdated": Plain,
        "ListenUpdated": Plain,
        "FunctionCallResponse": Plain,
        "History": Plain,
        "LatencyReport": Plain,
    },
    "a text message that is none of the Voice Agent's",
)
read = _READ.read


# --- to the agent -----------------------------------------------------------------------------------------------------


class Out(Struct, tag_field="type", omit_defaults=True):
    """Base of what is sent."""


class InputFormat(Struct):
    """How the caller's sound is sent."""

    encoding: str
    sample_rate: int


class OutputFormat(Struct):
    """How the agent's sound is wanted."""

    encoding: str
    sample_rate: int
    container: str


class Audio(Struct):
    """Both directions."""

    input: InputFormat
    output: OutputFormat


class SaidBefore(Out, tag="History"):
    """One message of the history: ``user`` or ``assistant``."""

    role: str
    content: str


class CalledBefore(Struct):
    """One function call of the history with its result."""

    id: str
    name: str
    client_side: bool
    arguments: str
    response: str


class CallsBefore(Out, tag="History"):
    """Function calls of the history."""

    function_calls: list[CalledBefore]


class Context(Struct):
    """What was said before this session."""

    messages: list[SaidBefore | CallsBefore]


class Agent(Struct, omit_defaults=True):
    """Who the agent is: ``listen``, ``think`` and ``speak`` are the blocks of Deepgram's Settings."""

    listen: dict[str, Any]
    think: dict[str, Any]
    speak: dict[str, Any]
    greeting: str = ""
    context: Context | None = None


class Configure(Out, tag="Settings"):
    """The first message; sound may follow once the agent has taken it."""

    audio: Audio
    agent: Agent
    mip_opt_out: bool = False


class UpdateThink(Out, tag="UpdateThink"):
    """Replaces the whole think block: model, prompt, functions."""

    think: dict[str, Any]


class UpdateSpeak(Out, tag="UpdateSpeak"):
    """Replaces the voice."""

    speak: dict[str, Any]


class UpdatePrompt(Out, tag="UpdatePrompt"):
    """Adds to the prompt (Deepgram docs, "Update Prompt")."""

    prompt: str


class InjectUserMessage(Out, tag="InjectUserMessage"):
    """A written turn of the user."""

    content: str


class FunctionCallResponse(Out, tag="FunctionCallResponse"):
    """What a function returned."""

    id: str
    name: str
    content: str


class KeepAlive(Out, tag="KeepAlive"):
    """We are still here."""


class ForceEndTurn(Out, tag="ForceEndTurn"):
    """The user's turn ends now."""


_ENCODER = msgspec.json.Encoder()


def write(message: Out) -> str:
    """Return a message as the text of a frame."""
    return _ENCODER.encode(message).decode()
