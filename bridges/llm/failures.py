"""What a language model's errors mean: the body of a refusal, and an error in the middle of a stream. Pure.

Sources: OpenAI API reference, "Error codes"; Anthropic API reference, "Errors"; Gemini API reference, "Troubleshooting"
(``google.rpc.Code``); Groq, "API error codes".
"""

from __future__ import annotations

from typing import Any

from bridges import refusals
from mediaserver.errors import BridgeError

WHO = "the language model"

MEANINGS: dict[str, tuple[str, bool]] = {
    "overloaded_error": ("unavailable", True),
    "api_error": ("unavailable", True),
    "server_error": ("unavailable", True),
    "internal_server_error": ("unavailable", True),
    "unavailable_error": ("unavailable", True),
    "UNAVAILABLE": ("unavailable", True),
    "INTERNAL": ("unavailable", True),
    "timeout_error": ("timeout", True),
    "DEADLINE_EXCEEDED": ("timeout", True),
    "rate_limit_error": ("rate_limited", True),
    "rate_limit_exceeded": ("rate_limited", True),
    "RESOURCE_EXHAUSTED": ("rate_limited", True),
    "insufficient_quota": ("insufficient_quota", False),
    "billing_error": ("insufficient_quota", False),
    "authentication_error": ("unauthorized", False),
    "invalid_api_key": ("unauthorized", False),
    "UNAUTHENTICATED": ("unauthorized", False),
    "permission_error": ("permission_denied", False),
    "PERMISSION_DENIED": ("permission_denied", False),
    "not_found_error": ("model_not_found", False),
    "NOT_FOUND": ("model_not_found", False),
    "request_too_large": ("too_large", False),
    "context_length_exceeded": ("context_length_exceeded", False),
    "invalid_request_error": ("invalid_request", False),
    "INVALID_ARGUMENT": ("invalid_request", False),
    "FAILED_PRECONDITION": ("invalid_request", False),
    "content_filter": ("refused", False),
}
"""Our code for a provider's word, and whether another try can help. Groq's ``tool_use_failed`` is not here: another try
of the model may write a call that can be read."""


BAD_ENDS: dict[str, tuple[str, bool]] = {
    "content_filter": ("refused", False),  # OpenAI, Azure
    "abort": ("unavailable", True),  # vLLM
    "refusal": ("refused", False),  # Anthropic
    "model_context_window_exceeded": ("context_length_exceeded", False),
    "SAFETY": ("refused", False),  # Gemini, from here on
    "RECITATION": ("refused", False),
    "LANGUAGE": ("refused", False),
    "BLOCKLIST": ("refused", False),
    "PROHIBITED_CONTENT": ("refused", False),
    "SPII": ("refused", False),
    "MODEL_ARMOR": ("refused", False),
    "MALFORMED_FUNCTION_CALL": ("provider_error", True),
    "UNEXPECTED_TOOL_CALL": ("provider_error", True),
    "TOO_MANY_TOOL_CALLS": ("provider_error", True),
    "MALFORMED_RESPONSE": ("provider_error", True),
    "MISSING_THOUGHT_SIGNATURE": ("invalid_request", False),
    "OTHER": ("provider_error", True),
}
"""Ends of an answer that are failures, each as in :data:`MEANINGS`; any other end is a good one, the longest length too."""


_OURS = {"context_length_exceeded": "context_length"}
"""The common table of refusals takes the provider's word for an empty account; here one question was too long."""


def said(body: bytes) -> tuple[str, str]:
    """Return the code and message of an error body."""
    code, message = refusals.said(body)
    return _OURS.get(code, code), message


def mid_stream(error: Any) -> BridgeError:
    """Return what the ``error`` of a stream that had begun means."""
    code, message = refusals.words(error)
    ours, retryable = MEANINGS.get(code, ("provider_error", True))
    told = ": ".join(part for part in (code[:80], message[:300]) if part)
    return BridgeError(f"{WHO} failed: {told or 'it did not say why'}", code=ours, retryable=retryable)


def check_end(reason: str) -> None:
    """Raise BridgeError where an answer's ``finish_reason`` or ``stop_reason`` says that it is none."""
    if reason in BAD_ENDS:
        code, retryable = BAD_ENDS[reason]
        raise BridgeError(f"{WHO} gives no answer ({reason})", code=code, retryable=retryable)


def refused(reason: str) -> BridgeError:
    """Return the error of a question that the provider's rules forbid to answer."""
    return BridgeError(f"{WHO} may not answer this ({reason[:80]})", code="refused", retryable=False)


def cut() -> BridgeError:
    """Return the error of an answer that ended without its end."""
    return BridgeError(f"{WHO} broke off", code="connection_lost")
