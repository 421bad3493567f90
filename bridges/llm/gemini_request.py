"""The body of a request to Gemini's ``streamGenerateContent``. Pure.

Source: Gemini API reference, "Generating content", "Function calling", "Thinking", "Thought signatures".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bridges.llm.options import GeminiChat
from bridges.llm.signatures import Signatures
from bridges.llm.turns import Turn, arguments, system, turns
from mediaserver.settings import Tool
from mediaserver.speech import FREE, Message, Terms

UNSIGNED = "skip_thought_signature_validator"
"""Stands for the signature of a call that another model made, or whose signature is lost; see "Thought signatures", FAQ."""

_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY"}
_SIGNS = re.compile(r"gemini-(?:[3-9]|\d\d)")


def body(
    chosen: GeminiChat, signatures: Signatures, messages: Sequence[Message], terms: Terms = FREE
) -> dict[str, Any]:
    """Return the request's body; signatures that came with calls go back with them."""
    writer = _Writer(signatures, messages, signs=bool(_SIGNS.search(chosen.model)))
    told: dict[str, Any] = {"contents": [writer.turn(turn) for turn in turns(messages)]}
    if said := system(messages):
        told["systemInstruction"] = {"parts": [{"text": text} for text in said]}
    if terms.tools:
        told["tools"] = [{"functionDeclarations": [_declaration(tool) for tool in terms.tools]}]
        told["toolConfig"] = {"functionCallingConfig": _calling(terms.tool_choice)}
    if generation := _generation(chosen, terms):
        told["generationConfig"] = generation
    return told | chosen.extra


class _Writer:
    """Writes turns as contents; an answer must name its function, which our messages do not say."""

    def __init__(self, signatures: Signatures, messages: Sequence[Message], *, signs: bool) -> None:
        self._signatures = signatures
        self._signs = signs
        self._names = {call.call_id: call.name for message in messages for call in message.calls}

    def turn(self, turn: Turn) -> dict[str, Any]:
        """Return one turn."""
        role = "model" if turn.role == "assistant" else "user"
        return {"role": role, "parts": [part for message in turn.messages for part in self._parts(message)]}

    def _parts(self, message: Message) -> Iterator[dict[str, Any]]:
        if message.role == "tool":
            yield {"functionResponse": self._response(message)}
            return
        if message.text.strip():
            yield {"text": message.text}
        for position, call in enumerate(message.calls):
            part = {"functionCall": {"id": call.call_id, "name": call.name, "args": dict(arguments(call))}}
            yield part | self._signature(call.call_id, first=position == 0)

    def _signature(self, call_id: str, *, first: bool) -> dict[str, str]:
        """Of calls made together only the first is signed, and Gemini 3 refuses a first one without."""
        signature = self._signatures.get(call_id)
        if signature is None and self._signs and first:
            signature = UNSIGNED
        return {} if signature is None else {"thoughtSignature": signature}

    def _response(self, message: Message) -> dict[str, Any]:
        call_id = message.call_id or ""
        return {"id": call_id, "name": self._names.get(call_id, "unknown"), "response": _result(message.text)}


def _result(text: str) -> Mapping[str, Any]:
    """Return a function's output as the object that is wanted, under the key that the model reads."""
    try:
        return {"output": json.loads(text)}
    except (ValueError, RecursionError):
        return {"output": text}


def _declaration(tool: Tool) -> dict[str, Any]:
    told: dict[str, Any] = {"name": tool.name, "description": tool.description}
    if tool.parameters.get("properties"):
        told["parametersJsonSchema"] = dict(tool.parameters)
    return told


def _calling(choice: str) -> dict[str, Any]:
    return {"mode": _MODES[choice]} if choice in _MODES else {"mode": "ANY", "allowedFunctionNames": [choice]}


def _generation(chosen: GeminiChat, terms: Terms) -> dict[str, Any]:
    thinking: dict[str, Any] = {}
    if chosen.thinking:
        thinking = {"thinkingLevel": chosen.thinking.upper()}
    if chosen.thinking_budget is not None:
        thinking = {"thinkingBudget": chosen.thinking_budget}
    optional = {
        "temperature": terms.temperature,
        "maxOutputTokens": chosen.max_tokens if terms.max_tokens is None else terms.max_tokens,
        "thinkingConfig": thinking or None,
    }
    return {name: value for name, value in optional.items() if value is not None}
