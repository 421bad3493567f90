"""Hostile text to strictly typed values, once, with limits: size, depth, NaN, duplicate keys, lone surrogates.

Every refusal is a BadRequest whose ``param`` is the JSON path of what was wrong.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn, TypeVar

import msgspec

from mediaserver.errors import BadRequest, TooLarge

MAX_BYTES = 1 << 20
MAX_DEPTH = 32

T = TypeVar("T")

_PLACE = re.compile(r"(?s)^(?P<what>.*?)(?: - at `\$\.?(?P<where>.*)`)?$")
_NAMED = re.compile(r"`([^`]*)`$")
_KINDS = (  # how msgspec says it, the contract's code, and whether the sentence ends in the field's name
    (re.compile("Object contains unknown field"), "unknown_parameter", True),
    (re.compile("Object missing required field"), "missing_required_parameter", True),
    (re.compile("Expected .*, got "), "invalid_type", False),
)


def parse_object(text: str) -> dict[str, Any]:
    """Read one JSON object. Raises BadRequest or TooLarge and says nothing of the text."""
    if len(text) > MAX_BYTES:
        raise TooLarge(f"the message is longer than {MAX_BYTES} bytes")
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
        _check_text(text, value)
    except BadRequest:
        raise
    except (ValueError, RecursionError):
        raise BadRequest("the message is not valid JSON", code="invalid_json") from None
    if not isinstance(value, dict):
        raise BadRequest("the message is not a JSON object", code="invalid_json")
    _check_depth(value)
    return value


def typed(value: Any, kind: type[T], where: str = "") -> T:
    """Convert a parsed value to a struct. Raises BadRequest naming the path below ``where``."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as problem:
        raise refusal(str(problem), where) from None


def refusal(problem: str, where: str = "") -> BadRequest:
    """Turn msgspec's sentence into the contract's error."""
    said = _PLACE.match(problem)
    what, place = (said["what"], said["where"] or "") if said else (problem, "")
    code = "invalid_value"
    for start, kind, names_field in _KINDS:
        if start.match(what):
            code = kind
            field = _NAMED.search(what) if names_field else None
            place = _join(place, field[1]) if field else place
            break
    param = where + place if place.startswith("[") else _join(where, place)
    return BadRequest(f"{what[:300]}{f' (at {param})' if param else ''}", code=code, param=param[:300] or None)


def _join(*parts: str) -> str:
    return ".".join(part for part in parts if part)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise BadRequest("an object names the same key twice", code="invalid_json")
    return value


def _no_constant(name: str) -> NoReturn:
    raise BadRequest(f"{name} is not JSON", code="invalid_json")


def _check_text(text: str, value: Any) -> None:
    """Refuse text that is no text: half of a surrogate pair, written out or escaped (RFC 8259 §8.2)."""
    text.encode()
    if "\\ud" in text or "\\uD" in text:
        msgspec.json.encode(value)


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, (dict, list))
        ]
        if not level:
            return
    raise BadRequest(f"the message is nested deeper than {MAX_DEPTH}", code="invalid_json")
