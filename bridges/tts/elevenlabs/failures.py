"""What ElevenLabs' errors mean to us: of HTTP answers and of sockets (API reference, "Errors"). Pure."""

from __future__ import annotations

import json

from bridges.tts.retried import LOST
from mediaserver.errors import BridgeError

_WORDS: dict[str, tuple[str, bool]] = {
    "invalid_api_key": ("unauthorized", False),
    "missing_permissions": ("permission_denied", False),
    "quota_exceeded": ("insufficient_quota", False),
    "voice_not_found": ("model_not_found", False),
    "voice_id_does_not_exist": ("model_not_found", False),
    "model_not_found": ("model_not_found", False),
    "max_active_conversations": ("rate_limited", True),
    "too_many_concurrent_requests": ("rate_limited", True),
    "rate_limit_exceeded": ("rate_limited", True),
    "system_busy": ("unavailable", True),
    "internal_server_error": ("unavailable", True),
    "input_timeout_exceeded": (LOST, True),
}
"""A socket's ``error``: our code, and whether another try can help."""


def said(body: bytes) -> tuple[str, str]:
    """Return code and message of an HTTP error: ``detail`` is an object, a sentence, or a list of what is not valid."""
    try:
        detail = json.loads(body)["detail"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return "", ""
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):
        return "invalid_request", str(detail[0].get("msg", ""))
    if not isinstance(detail, dict):
        return "", str(detail)
    return str(detail.get("status") or detail.get("code") or ""), str(detail.get("message") or "")


def told(error: str | None) -> BridgeError:
    """Return an error message of a socket as ours; its text is not used, for it may repeat what was sent."""
    code, retryable = _WORDS.get(error or "", ("provider_error", True))
    return BridgeError(f"the voice refused ({(error or 'no reason')[:80]})", code=code, retryable=retryable)
