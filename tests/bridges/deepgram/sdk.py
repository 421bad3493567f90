"""Messages of the Voice Agent held against the types of ``deepgram-sdk``: every field known, every type right."""

from __future__ import annotations

from typing import Any

import deepgram.agent.v1.types as types

from tests.bridges.sdk import check

_RECEIVED = {
    "Welcome": types.AgentV1Welcome,
    "SettingsApplied": types.AgentV1SettingsApplied,
    "ConversationText": types.AgentV1ConversationText,
    "UserStartedSpeaking": types.AgentV1UserStartedSpeaking,
    "AgentThinking": types.AgentV1AgentThinking,
    "AgentStartedSpeaking": types.AgentV1AgentStartedSpeaking,
    "AgentAudioDone": types.AgentV1AgentAudioDone,
    "FunctionCallRequest": types.AgentV1FunctionCallRequest,
    "FunctionCallCancelled": types.AgentV1FunctionCallCancelled,
    "InjectionRefused": types.AgentV1InjectionRefused,
    "Warning": types.AgentV1Warning,
    "Error": types.AgentV1Error,
    "PromptUpdated": types.AgentV1PromptUpdated,
    "SpeakUpdated": types.AgentV1SpeakUpdated,
    "ThinkUpdated": types.AgentV1ThinkUpdated,
}
_SENT = {
    "Settings": types.AgentV1Settings,
    "UpdateThink": types.AgentV1UpdateThink,
    "UpdateSpeak": types.AgentV1UpdateSpeak,
    "UpdatePrompt": types.AgentV1UpdatePrompt,
    "InjectUserMessage": types.AgentV1InjectUserMessage,
    "FunctionCallResponse": types.AgentV1SendFunctionCallResponse,
    "KeepAlive": types.AgentV1KeepAlive,
    "ForceEndTurn": types.AgentV1ForceEndTurn,
}


def check_received(message: dict[str, Any]) -> None:
    """Fail unless the SDK knows this message of the agent."""
    check(_RECEIVED[message["type"]], message)


def check_sent(message: dict[str, Any]) -> None:
    """Fail unless the SDK could have sent this message."""
    check(_SENT[message["type"]], message)
