"""The conversation as two who take turns, for APIs that know no other: what the system says is apart. Pure.

A turn of the user begins with what functions answered. The first turn and the last one are the user's: Anthropic and Gemini
answer a user, and refuse a conversation that a model begins or that is empty (a greeting has nobody before it).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mediaserver.speech import Message, ToolRequest

BEGIN = "(The call begins.)"
GO_ON = "(Go on.)"


@dataclass(frozen=True, slots=True)
class Turn:
    """What one of the two said without a break; ``messages`` are user, tool or assistant messages."""

    role: Literal["user", "assistant"]
    messages: tuple[Message, ...]


def system(messages: Sequence[Message]) -> list[str]:
    """Return what the system says, in order; the instructions come first."""
    return [message.text for message in messages if message.role == "system" and message.text]


def turns(messages: Sequence[Message]) -> list[Turn]:
    """Return the turns, beginning and ending with the user's."""
    taken: list[Turn] = []
    for message in messages:
        if message.role != "system" and (message.text.strip() or message.calls or message.role == "tool"):
            _add(taken, "assistant" if message.role == "assistant" else "user", message)
    if not taken or taken[0].role == "assistant":
        taken.insert(0, Turn("user", (Message("user", BEGIN),)))
    if taken[-1].role == "assistant":
        taken.append(Turn("user", (Message("user", GO_ON),)))
    return [Turn(turn.role, _results_first(turn.messages)) for turn in taken]


def arguments(call: ToolRequest) -> Mapping[str, Any]:
    """Return a call's arguments as an object; what is none becomes an empty one."""
    try:
        told = json.loads(call.arguments)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _add(taken: list[Turn], role: Literal["user", "assistant"], message: Message) -> None:
    if taken and taken[-1].role == role:
        taken[-1] = Turn(role, (*taken[-1].messages, message))
    else:
        taken.append(Turn(role, (message,)))


def _results_first(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    return tuple(sorted(messages, key=lambda message: message.role != "tool"))
