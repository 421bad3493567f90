"""What error bodies say: OpenAI's ``{"error": {…}}``, Google's, and the plain texts of servers of one's own. Pure."""

from __future__ import annotations

from typing import Any

import msgspec


def said(body: bytes) -> tuple[str, str]:
    """Return code and message, each empty where there is none."""
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return "", ""
    if not isinstance(told, dict):
        return "", ""
    error = told.get("error", told.get("detail"))
    if not isinstance(error, dict):
        return "", _text(error)
    return _text(error.get("code")) or _text(error.get("status")) or _text(error.get("type")), _text(
        error.get("message")
    )


def _text(told: Any) -> str:
    """Google's ``code`` is the status once more, as a number: its word is in ``status``."""
    return told if isinstance(told, str) else ""
