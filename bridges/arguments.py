"""The arguments of a function call where a provider writes them as an object inside its message, not as text."""

from __future__ import annotations

from msgspec import Raw

from bridges.codec import Garbled

MAX_ARGUMENTS = 256 * 1024
"""Bytes of one call's."""


def arguments(raw: Raw) -> str:
    """Return them as a JSON string. Raises Garbled when they are no object, no text or far too long."""
    written = bytes(raw).strip()
    if not written.startswith(b"{") or len(written) > MAX_ARGUMENTS:
        raise Garbled("a function call without an object of arguments")
    try:
        return written.decode()
    except UnicodeDecodeError:
        raise Garbled("a function call whose arguments are no text") from None
