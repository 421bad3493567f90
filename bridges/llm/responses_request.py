"""The body of a Responses request, the API in which OpenAI's and xAI's models look things up themselves. Pure.

Sources: OpenAI API reference, "Create a model response"; docs.x.ai, "Search tools". Nothing is stored at the provider: the
whole conversation is in each request.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bridges.llm.chat_request import Dialect
from mediaserver.settings import Tool
from mediaserver.speech import FREE, Message, Terms

_CHOICES = frozenset({"auto", "none", "required"})


def body(dialect: Dialect, search: Sequence[str], messages: Sequence[Message], terms: Terms = FREE) -> dict[str, Any]:
    """Return the request's body; ``search`` are the provider's own tools."""
    told: dict[str, Any] = {
        "model": dialect.model,
        "input": [item for message in messages for item in _items(message)],
        "tools": [*({"type": name} for name in search), *map(_tool, terms.tools)],
        "tool_choice": _choice(terms.tool_choice),
        "store": False,
        "stream": True,
    }
    if dialect.obfuscates:
        told["stream_options"] = {"include_obfuscation": False}
    longest = dialect.max_tokens if terms.max_tokens is None else terms.max_tokens
    optional = {"max_output_tokens": longest, "temperature": terms.temperature}
    told |= {name: value for name, value in optional.items() if value is not None and name not in dialect.refuses}
    return told | dict(dialect.extra)


def _choice(choice: str) -> str | dict[str, str]:
    return choice if choice in _CHOICES else {"type": "function", "name": choice}


def _tool(tool: Tool) -> dict[str, Any]:
    parameters = dict(tool.parameters) or {"type": "object", "properties": {}}
    told = {"type": "function", "name": tool.name, "description": tool.description}
    return {**told, "parameters": parameters, "strict": False}


def _items(message: Message) -> Iterator[dict[str, Any]]:
    if message.role == "tool":
        yield {"type": "function_call_output", "call_id": message.call_id or "", "output": message.text}
        return
    if message.text:
        yield {"type": "message", "role": message.role, "content": message.text}
    for call in message.calls:
        told = {"type": "function_call", "call_id": call.call_id, "name": call.name}
        yield {**told, "arguments": call.arguments}
