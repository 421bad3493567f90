"""A multipart form as clients write it: repeated names, ``name[]``, ``name[key]``, JSON in a field. Pure.

OpenAI's SDKs send lists as repeated ``name[]`` and objects as ``name[key]``; other clients send ``name`` twice, or JSON.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

from mediaserver.errors import BadRequest

_TRUTH = {"true": True, "1": True, "false": False, "0": False}


class Fields:
    """The fields of a form, in the order in which they came. Every refusal is a BadRequest that names the field."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._pairs = tuple(pairs)
        self._said: dict[str, list[tuple[str, str]]] = {}
        for name, value in self._pairs:
            base, _, within = name.partition("[")
            self._said.setdefault(base, []).append((within.rstrip("]"), value))

    def names(self) -> list[str]:
        """Return the names that are there, without brackets."""
        return list(self._said)

    def pairs(self, without: str) -> tuple[tuple[str, str], ...]:
        """Return the fields as they came, but for one."""
        return tuple((name, value) for name, value in self._pairs if name != without)

    def text(self, name: str, default: str = "") -> str:
        """Return the one value of a field."""
        said = self._said.get(name, [])
        if not said:
            return default
        if len(said) > 1:
            raise BadRequest(f"send '{name}' once", code="invalid_value", param=name)
        return said[0][1]

    def number(self, name: str, least: float, most: float) -> float | None:
        """Return a number within these bounds, ``None`` for a field that is not there or empty."""
        said = self.text(name).strip()
        if not said:
            return None
        try:
            value = float(said)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise BadRequest(f"'{name}' is a number from {least:g} to {most:g}", code="invalid_value", param=name)
        return value

    def truth(self, name: str) -> bool:
        """Return a yes or no; a field that is not there means no."""
        said = self.text(name).strip().lower()
        if said and said not in _TRUTH:
            raise BadRequest(f"'{name}' is true or false", code="invalid_value", param=name)
        return _TRUTH.get(said, False)

    def many(self, name: str, most: int) -> tuple[str, ...]:
        """Return a list: repeated fields, or one that holds a JSON array of texts."""
        values = [value for _, value in self._said.get(name, [])]
        if len(values) == 1 and values[0].lstrip().startswith("["):
            values = _array(values[0], name)
        found = tuple(value for value in values if value)
        if len(found) > most:
            raise BadRequest(f"'{name}' holds more than {most} values", code="invalid_value", param=name)
        return found

    def thing(self, name: str) -> str | dict[str, Any] | None:
        """Return an object (bracketed keys, or JSON), a plain text, or ``None``. Bracketed values stay texts."""
        said = self._said.get(name, [])
        if not said:
            return None
        if any(within for within, _ in said):
            return dict(said)
        value = self.text(name).strip()
        if not value.startswith("{"):
            return value.strip('"')
        found = _json(value, name)
        return found if isinstance(found, dict) else None


def _array(value: str, name: str) -> list[str]:
    found = _json(value, name)
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise BadRequest(f"'{name}' is a list of texts", code="invalid_type", param=name)
    return found


def _json(value: str, name: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise BadRequest(f"'{name}' is not valid JSON", code="invalid_json", param=name) from None
