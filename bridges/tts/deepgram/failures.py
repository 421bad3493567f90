"""What Deepgram's errors mean to us: of HTTP answers and of sockets (Deepgram docs, "Errors"). Pure."""

from __future__ import annotations

import json

from bridges.tts.retried import LOST
from mediaserver.errors import BridgeError

_CODES: dict[str, tuple[str, bool]] = {
    "MESSAGE-0000": ("protocol_error", False),
    "DATA-0000": ("invalid_request", False),
    "DATA-0002": ("invalid_request", False),
    "BIG-0000": ("too_large", False),
    "NET-0000": ("unavailable", True),
    "NET-0001": (LOST, True),
}
"""``Error.code`` of a socket: our code, and whether another try can help; other ones are Deepgram's own trouble."""


def said(body: bytes) -> tuple[str, str]:
    """Return code and message of an HTTP error: ``err_code`` and ``err_msg``, or ``category`` and ``message``."""
    try:
        error = json.loads(body)
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(error, dict):
        return "", ""
    return str(error.get("err_code") or error.get("category") or ""), str(
        error.get("err_msg") or error.get("message") or ""
    )


def told(code: str | None) -> BridgeError:
    """Return an ``Error`` as ours; its description may repeat what was sent, so only the code is used."""
    word, retryable = _CODES.get(code or "", ("provider_error", True))
    return BridgeError(f"the voice failed ({(code or 'no code')[:80]})", code=word, retryable=retryable)
