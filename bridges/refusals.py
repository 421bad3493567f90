"""What providers say in the body of a refusal. Pure.

Sources: OpenAI, Azure, Groq and Google write ``{"error": {…}}`` with a ``code``, a ``status`` or a ``type``, and Gemini may
wrap it in a list; FastAPI, in which compatible servers are written, ``{"detail": …}``; others plain text or nothing.
"""

from __future__ import annotations

import json
from typing import Any


def said(body: bytes) -> tuple[str, str]:
    """Return the code and the message of a body, each empty where there is none. Never raises."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return "", _plain(body)
    told = told[0] if isinstance(told, list) and told else told
    return words(told.get("error", told.get("detail"))) if isinstance(told, dict) else ("", "")


def words(error: Any) -> tuple[str, str]:
    """Return the code and the message of an ``error``, which may be anything."""
    if not isinstance(error, dict):
        return "", _text(error)
    codes = (_text(error.get(name)) for name in ("code", "status", "type", "error"))
    return next(filter(None, codes), ""), _text(error.get("message"))


def _text(told: Any) -> str:
    """Google's ``code`` is the status once more, as a number: its word is in ``status``."""
    return told if isinstance(told, str) else ""


def _plain(body: bytes) -> str:
    """A page, or JSON that is broken, is nothing to read out."""
    try:
        text = body.decode().strip()
    except UnicodeError:
        return ""
    return "" if text.startswith(("<", "[", "{")) else text
