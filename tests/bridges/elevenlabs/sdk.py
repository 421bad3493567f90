"""Messages held against the ``elevenlabs`` SDK: its types, its enumerations, and what it sends itself."""

from __future__ import annotations

import json
import warnings
from typing import Any, get_args

from pydantic import BaseModel

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it names a class that websockets 14 calls legacy
    from elevenlabs.conversational_ai import conversation as sdk
    from elevenlabs.types import ClientEvent, ConversationInitiationClientDataRequestInput

RECEIVED = frozenset(get_args(get_args(ClientEvent)[0]))
"""Types of the agent's messages that the SDK names."""
UNNAMED = frozenset({"error"})
"""In ``@elevenlabs/types`` only."""


def check_received(message: dict[str, Any]) -> None:
    """Fail unless the SDK knows this message and its own code reads it."""
    assert message["type"] in RECEIVED | UNNAMED, message["type"]
    reader = sdk.BaseConversation.__new__(sdk.BaseConversation)
    reader._conversation_id, reader._last_interrupt_id = None, 0
    reader._handle_message_core(message, Handler())


class Handler:
    """Takes whatever the SDK reads."""

    def __getattr__(self, name: str) -> Any:
        return lambda *told: told


def check_sent(message: dict[str, Any]) -> None:
    """Fail unless the SDK could have sent this message."""
    if "type" not in message:
        assert set(message) == {"user_audio_chunk"}
        return
    kind = sdk.ClientToOrchestratorEvent(message["type"])
    if kind is sdk.ClientToOrchestratorEvent.CONVERSATION_INITIATION_CLIENT_DATA:
        told = {name: value for name, value in message.items() if name != "type"}
        _known(ConversationInitiationClientDataRequestInput.model_validate(told), kind)
        return
    assert set(message) == set(_OWN[kind]), message


def _own() -> dict[sdk.ClientToOrchestratorEvent, dict[str, Any]]:
    """What the SDK sends of each type; pongs and results are written in its handlers."""
    kinds = sdk.ClientToOrchestratorEvent
    made: list[Any] = [
        sdk.UserMessageClientToOrchestratorEvent("text"),
        sdk.ContextualUpdateClientToOrchestratorEvent("text"),
    ]
    return {
        **{each.type: json.loads(json.dumps(each.to_dict())) for each in made},
        kinds.PONG: {"type": "pong", "event_id": 1},
        kinds.CLIENT_TOOL_RESULT: {"type": "", "tool_call_id": "", "result": "", "is_error": False},
    }


_OWN = _own()


def _known(value: Any, where: str) -> None:
    """Fail for a field that the SDK's types do not name: they keep such fields as extras."""
    if isinstance(value, BaseModel):
        assert not value.model_extra, f"{where}: {sorted(value.model_extra or ())}"
        for name in type(value).model_fields:
            _known(getattr(value, name), f"{where}.{name}")
