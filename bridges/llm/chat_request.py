"""The body of a chat completion request. Pure. Source: OpenAI API reference, "Create chat completion"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mediaserver.settings import Tool
from mediaserver.speech import FREE, Message, Terms

_CHOICES = frozenset({"auto", "none", "required"})


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one server wants its requests."""

    model: str
    path: str = "chat/completions"
    params: Mapping[str, str] | None = None
    max_tokens_field: str = "max_completion_tokens"
    max_tokens: int | None = None
    """Where a session sets no bound."""
    obfuscates: bool = False
    refuses: frozenset[str] = frozenset()
    """Fields of ours that are left out."""
    extra: Mapping[str, Any] = field(default_factory=dict)


def body(dialect: Dialect, messages: Sequence[Message], terms: Terms = FREE) -> dict[str, Any]:
    """Return the request's body."""
    told: dict[str, Any] = {
        "model": dialect.model,
        "messages": [_message(message) for message in messages],
        "stream": True,
        "stream_options": {"include_usage": True, **({"include_obfuscation": False} if dialect.obfuscates else {})},
    }
    if terms.tools:
        told["tools"] = [_tool(tool) for tool in terms.tools]
        told["tool_choice"] = _choice(terms.tool_choice)
    longest = dialect.max_tokens if terms.max_tokens is None else terms.max_tokens
    optional = {dialect.max_tokens_field: longest, "temperature": terms.temperature}
    told |= {name: value for name, value in optional.items() if value is not None and name not in dialect.refuses}
    return told | dict(dialect.extra)


def _choice(choice: str) -> str | dict[str, Any]:
    return choice if choice in _CHOICES else {"type": "function", "function": {"name": choice}}


def _tool(tool: Tool) -> dict[str, Any]:
    parameters = dict(tool.parameters) or {"type": "object", "properties": {}}
    return {
        "type": "function",
        "function": {"name": tool.name, "description": tool.description, "parameters": parameters},
    }


def _message(message: Message) -> dict[str, Any]:
    written: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.calls:
        written["content"] = message.text or None
        written["tool_calls"] = [
            {"id": call.call_id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.calls
        ]
    if message.role == "tool":
        written["tool_call_id"] = message.call_id
    return written
