"""The body of a request to Anthropic's Messages API. Pure.

Source: Anthropic API reference, "Messages", "Tool use", "Prompt caching".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from bridges.llm.options import Anthropic
from bridges.llm.turns import Turn, arguments, system, turns
from mediaserver.settings import Tool
from mediaserver.speech import FREE, Message, Terms

_CHOICES = {"auto": "auto", "none": "none", "required": "any"}
_NO_ID = re.compile(r"[^a-zA-Z0-9_-]")


def body(chosen: Anthropic, messages: Sequence[Message], terms: Terms = FREE) -> dict[str, Any]:
    """Return the request's body; what changes from turn to turn comes last, so that the beginning can be cached."""
    told: dict[str, Any] = {
        "model": chosen.model,
        "max_tokens": chosen.max_tokens if terms.max_tokens is None else terms.max_tokens,
        "stream": True,
        "messages": [_turn(turn) for turn in turns(messages)],
    }
    if said := system(messages):
        told["system"] = [{"type": "text", "text": text} for text in said]
    if tools := terms.tools or _called(messages):
        told["tools"] = [_tool(tool) for tool in tools]
        told["tool_choice"] = _choice(terms.tool_choice if terms.tools else "none")
    if chosen.cache != "off":
        _cache(told, chosen.cache)
    return told | chosen.extra


def _cache(told: dict[str, Any], lifetime: str) -> None:
    """Mark the end of the fixed beginning: functions come before the system's words, whose first are the instructions."""
    for name, place in (("system", 0), ("tools", -1)):
        if name in told:
            told[name][place]["cache_control"] = {"type": "ephemeral", "ttl": lifetime}
            return


def _called(messages: Sequence[Message]) -> list[Tool]:
    """Return the functions that were called: a history with calls is refused where no function is declared."""
    names = dict.fromkeys(call.name for message in messages for call in message.calls)
    return [Tool(name) for name in names]


def _choice(choice: str) -> dict[str, str]:
    return {"type": _CHOICES[choice]} if choice in _CHOICES else {"type": "tool", "name": choice}


def _tool(tool: Tool) -> dict[str, Any]:
    schema = {"type": "object", "properties": {}, **tool.parameters}
    return {"name": tool.name, "description": tool.description, "input_schema": schema}


def _turn(turn: Turn) -> dict[str, Any]:
    return {"role": turn.role, "content": [block for message in turn.messages for block in _blocks(message)]}


def _blocks(message: Message) -> Iterator[dict[str, Any]]:
    if message.role == "tool":
        yield {"type": "tool_result", "tool_use_id": _id(message.call_id or ""), "content": message.text}
        return
    if text := message.text.strip():  # blank text is refused
        yield {"type": "text", "text": text}
    for call in message.calls:
        yield {"type": "tool_use", "id": _id(call.call_id), "name": call.name, "input": dict(arguments(call))}


def _id(call_id: str) -> str:
    """Return a call's id in the letters that are taken here: it may have been made by another model."""
    return _NO_ID.sub("_", call_id) or "_"
