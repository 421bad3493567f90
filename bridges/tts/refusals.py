"""What the servers of voices say in the body of a refusal. Pure.

Sources: OpenAI, Azure, Groq and Google write ``{"error": {…}}`` with a ``code``, a ``status`` or a ``type``; FastAPI, in
which compatible servers are written, ``{"detail": …}``; Azure AI Speech plain text or nothing.
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
    if not isinstance(told, dict):
        return "", ""
    detail = told.get("error", told.get("detail"))
    return _error(detail) if isinstance(detail, dict) else ("", detail if isinstance(detail, str) else "")


def _error(error: dict[str, Any]) -> tuple[str, str]:
    codes = (error.get(name) for name in ("status", "code", "type", "error"))
    code = next((code for code in codes if isinstance(code, str) and code), "")
    message = error.get("message")
    return code, message if isinstance(message, str) else ""


def _plain(body: bytes) -> str:
    text = body.decode(errors="replace").strip()
    return "" if text.startswith("<") else text
