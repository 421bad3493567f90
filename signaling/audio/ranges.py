"""``Range`` of one part, ``If-Range`` and ``If-None-Match`` (RFC 9110 §13, §14). Pure."""

from __future__ import annotations

import re

_RANGE = re.compile(r"bytes=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.ASCII | re.IGNORECASE)


class Unsatisfiable(ValueError):
    """The range begins after the end (416)."""


def part(header: str, if_range: str, etag: str, size: int) -> range | None:
    """Return which bytes are wanted, ``None`` for all of them. Raises Unsatisfiable.

    Several ranges, other units and what cannot be read are ignored, which the RFC allows (§14.2), and so is a range of
    another version of the file (§13.1.5).
    """
    found = _RANGE.fullmatch(header.strip())
    if found is None or (if_range and if_range.strip() != etag):
        return None
    first, last = found.groups()
    if not first and not last:
        return None
    if not first:
        return _within(max(0, size - int(last)), size, size)
    if last and int(last) < int(first):
        return None
    return _within(int(first), int(last) + 1 if last else size, size)


def _within(start: int, stop: int, size: int) -> range:
    if start >= size:
        raise Unsatisfiable
    return range(start, min(stop, size))


def same(if_none_match: str, etag: str) -> bool:
    """Say whether the client has this version already (§13.1.2: the comparison is weak)."""
    given = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return etag in given or "*" in given
