"""How the demo dialogue guesses that a tool is meant and what to hand it: word overlap and the parameters' schema. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bridges.local.numbers import in_figures, spoken_number
from mediaserver.settings import Tool

_EMPTY = frozenset(
    {
        *("a", "an", "the", "of", "in", "on", "at", "to", "for", "is", "are", "was", "and", "with", "or", "from", "by"),
        *("what", "whats", "which", "who", "me", "my", "i", "you", "your", "it", "this", "that", "tell", "please"),
        *("get", "set", "do", "does", "can", "could", "use", "used", "user", "given", "call", "function", "current"),
        *("return", "returns", "currently", "information"),
    }
)
_AFTER = re.compile(r"\b(?:in|for|at|of|to|on|from|about|called|named)\s+(.+)")
_LEAD = re.compile(r"^(?:the|a|an|is|what's|what|tell me|please|set|get|turn)\s+")

Value = str | int | float | bool


def content_words(text: str) -> set[str]:
    """Return the words that carry meaning, without plural endings."""
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", text).lower()
    return {word.rstrip("s") for word in re.findall(r"[a-z]+", spaced) if word not in _EMPTY and len(word) > 1}


def wanted_tool(text: str, tools: Sequence[Tool]) -> Tool | None:
    """Return the tool whose name (or two words of whose description) the caller said; the best one, or none."""
    said = content_words(text)

    def score(tool: Tool) -> int:
        return 2 * len(said & content_words(tool.name)) + len(said & content_words(tool.description))

    best = max(tools, key=score, default=None)
    return best if best is not None and score(best) >= 2 else None


def arguments(text: str, tool: Tool) -> str:
    """Return a JSON object filled from what was said, by the types, enums and required names of the tool's schema."""
    properties = tool.parameters.get("properties")
    if not isinstance(properties, Mapping):
        return "{}"
    required = tool.parameters.get("required", ())
    filled: dict[str, Any] = {}
    for name, schema in properties.items():
        value = _value(text, name, schema if isinstance(schema, Mapping) else {}, tool, name in required)
        if value is not None:
            filled[str(name)] = value
    return json.dumps(filled, ensure_ascii=False)


def _value(text: str, name: str, schema: Mapping[str, Any], tool: Tool, required: bool) -> Value | None:
    if isinstance(schema.get("enum"), Sequence):
        chosen = next((option for option in schema["enum"] if str(option).lower() in text.lower()), None)
        return chosen if chosen is not None or not required else schema["enum"][0]
    kind = schema.get("type")
    value = _FILLERS[kind](text, name, tool) if kind in _FILLERS else None
    return schema.get("default", _EMPTY_VALUES.get(str(kind))) if value is None and required else value


def _text(text: str, name: str, tool: Tool) -> str | None:
    after = _AFTER.search(text)
    if after:
        return after[1].strip(" .?!")
    rest = [word for word in text.split() if not content_words(word) & content_words(f"{tool.name} {name}")]
    found = _LEAD.sub("", " ".join(rest)).strip(" .?!")
    return found if content_words(found) else None


def _number(text: str, name: str, tool: Tool) -> float | None:
    words = text.split()
    for length in (4, 3, 2, 1):
        for at in range(len(words) - length + 1):
            value = spoken_number(" ".join(words[at : at + length]))
            if value is not None and words[at] != "a":
                return float(in_figures(value))
    return None


def _integer(text: str, name: str, tool: Tool) -> int | None:
    value = _number(text, name, tool)
    return None if value is None else round(value)


def _boolean(text: str, name: str, tool: Tool) -> bool:
    return not re.search(r"\b(?:off|no|not|disable|stop|without)\b", text)


_FILLERS: dict[str, Callable[[str, str, Tool], Value | None]] = {
    "string": _text,
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
}
_WORDS = {True: "yes", False: "no", None: "nothing"}
_EMPTY_VALUES: dict[str, Value] = {"string": "", "number": 0, "integer": 0, "boolean": False}


def spoken_result(output: str) -> str:
    """Return a tool's output as a sentence: a JSON object's fields are read out, other text is as it is."""
    try:
        value = json.loads(output)
    except ValueError:
        return output.strip()
    if isinstance(value, dict):
        return ", ".join(f"{str(key).replace('_', ' ')} {_plain(part)}" for key, part in value.items())
    return _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_plain(part) for part in value)
    if isinstance(value, dict):
        return spoken_result(json.dumps(value))
    return (
        {True: "yes", False: "no", None: "nothing"}[value]
        if value is None or value is True or value is False
        else str(value)
    )
