"""A session's settings and history as GPT-Live's ``session`` object. Pure.

Source: OpenAI API reference, "Live" (``session.start``); unknown fields are refused, so only what is asked for is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bridges.options import GptLive
from mediaserver.errors import Unsupported
from mediaserver.items import Item
from mediaserver.settings import Settings, Tool

RATE = 24000
MODEL = "gpt-live-1"
MAX_HISTORY = 128
"""Messages (reference, ``session.input``)."""
HISTORY_CHARACTERS = 24_000
"""About the 8,192 tokens that the reference allows; what is older is left out."""
_BUILT_IN = """
marin cedar alloy ash ballad beacon bossa cinder coral delta echo gleam meridian quartz ripple sage shida shimmer stone tempo
verse vesper willow
"""
VOICES = tuple(_BUILT_IN.split())
"""``openai.types.live.BuiltInVoice``, the default first."""


def session(chosen: GptLive, settings: Settings, history: Sequence[Item]) -> dict[str, Any]:
    """Return what ``session.start`` tells. Raises Unsupported for functions where nothing can call them."""
    before = recent(history)
    return {
        "model": chosen.model or MODEL,
        **({"instructions": settings.instructions} if settings.instructions else {}),
        "audio": {
            "format": {"type": "audio/pcm", "rate": RATE},
            "output": {"voice": settings.voice or (chosen.voices or VOICES)[0]},
        },
        "delegation": delegation(chosen, settings),
        **({"input": before} if before else {}),
    }


def delegation(chosen: GptLive, settings: Settings) -> dict[str, Any]:
    """Return who is handed tasks: a Responses model that calls functions where one is configured, else we."""
    if not chosen.delegate_model:
        if settings.tools:
            raise Unsupported("the model behind this call calls no functions: it has no delegate")
        return {"type": "client"}
    told = {"instructions": chosen.delegate_instructions} if chosen.delegate_instructions else {}
    return {"type": "responses", "responses": {"model": chosen.delegate_model, **told, **_tools(settings)}}


def change(settings: Settings) -> dict[str, Any]:
    """Return what ``session.update`` tells of functions that have changed."""
    return {"delegation": {"type": "responses", "responses": _tools(settings)}}


def _tools(settings: Settings) -> dict[str, Any]:
    choice = settings.tool_choice if isinstance(settings.tool_choice, str) else dict(settings.tool_choice)
    effort, parallel = settings.reasoning_effort, settings.parallel_tool_calls
    return {
        "tools": [_tool(tool) for tool in settings.tools],
        "tool_choice": choice,
        **({} if parallel is None else {"parallel_tool_calls": parallel}),
        **({} if effort is None else {"reasoning": {"effort": effort}}),
    }


def _tool(tool: Tool) -> dict[str, Any]:
    parameters = dict(tool.parameters) or {"type": "object", "properties": {}}
    return {"type": "function", "name": tool.name, "description": tool.description, "parameters": parameters}


def recent(history: Sequence[Item]) -> list[dict[str, Any]]:
    """Return the end of the history that a session may begin with, oldest first."""
    room, kept = HISTORY_CHARACTERS, []
    for role, text in reversed(list(_lines(history))[-MAX_HISTORY:]):
        room -= len(text)
        if room < 0:
            break
        kind = "output_text" if role == "assistant" else "input_text"
        kept.append({"type": "message", "role": role, "content": [{"type": kind, "text": text}]})
    return kept[::-1]


def _lines(history: Sequence[Item]) -> Iterator[tuple[str, str]]:
    """Yield role and text; functions have no form of their own in this history and become a line each."""
    names = {item.call_id: item.name for item in history if item.kind == "function_call"}
    for item in history:
        if item.kind == "function_call":
            yield "developer", f"The function {item.name} was called with {item.arguments}."
        elif item.kind == "function_call_output":
            yield "developer", returned(names.get(item.call_id), item.output)
        elif item.text:
            yield "developer" if item.role == "system" else item.role or "user", item.text


def returned(name: str | None, output: str) -> str:
    """Return the result of a function as a line."""
    return f"The function {name or 'that was called'} returned: {output}"
