"""Reads what a language model sent, whatever its shape: a field of another type counts as absent. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mediaserver.errors import BridgeError
from mediaserver.items import Usage

MOST_CALLS = 32
LONGEST_ARGUMENTS = 100_000


def read_object(data: str) -> Mapping[str, Any]:
    """Return the JSON object in ``data``; empty for anything else."""
    try:
        return as_object(json.loads(data))
    except (ValueError, RecursionError):
        return {}


def as_object(value: Any) -> Mapping[str, Any]:
    """Return an object, empty where the value is none."""
    return value if isinstance(value, Mapping) else {}


def as_list(value: Any) -> Sequence[Any]:
    """Return a list, empty where the value is none."""
    return value if isinstance(value, list) else ()


def as_text(value: Any) -> str:
    """Return a text, empty where the value is none."""
    return value if isinstance(value, str) else ""


def count(counts: Mapping[str, Any], name: str) -> int:
    """Return a count, 0 where it is absent or nonsense."""
    value = counts.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def used(read: int, written: int, *, cached: int, thinking: int) -> Usage:
    """Return what an answer used, in tokens; ``cached`` are among those read, ``thinking`` among those written."""
    return Usage(
        input_tokens=read,
        output_tokens=written,
        input_text_tokens=read,
        output_text_tokens=written,
        cached_tokens=cached,
        thinking_tokens=thinking,
        source="provider",
    )


def check_calls(calls: int, arguments: int) -> None:
    """Raise BridgeError for so many functions, or arguments of so many characters, that no sound model asks for."""
    if calls > MOST_CALLS or arguments > LONGEST_ARGUMENTS:
        raise BridgeError("the language model asked for too much of functions", code="protocol_error")


def clean(text: str) -> str:
    """Return the text without halves of surrogate pairs, which JSON can carry and UTF-8 cannot."""
    return text if text.isascii() else text.encode(errors="replace").decode()
