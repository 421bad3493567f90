"""What an agent's errors and closes mean to us."""

from __future__ import annotations

from mediaserver.errors import BridgeError

_TYPES: dict[str, tuple[str, str, bool]] = {
    "override_error": ("refused", "the agent does not allow what was overridden: see its security settings", False),
    "missing_dynamic_variable": ("refused", "the agent needs a dynamic variable that is not configured", False),
    "missing_fields": ("protocol_error", "the agent misses a field", False),
    "invalid_message": ("protocol_error", "the agent did not understand a message", False),
    "value_error": ("protocol_error", "the agent did not take a value", False),
    "safety_violation": ("refused", "the agent ended the conversation for its content", False),
    "max_duration_exceeded": ("session_expired", "the agent's longest conversation is over", True),
    "llm_timeout": ("timeout", "the agent's language model did not answer in time", True),
    "transport_receive_timeout": ("timeout", "the agent heard nothing of us for too long", True),
    "asyncio_timeout": ("timeout", "the agent did not answer in time", True),
    "redis_timeout_error": ("unavailable", "the agent is not available", True),
}
"""``error_type`` (the SDK's enumeration): our code, a sentence, and whether another try can help."""

PASSING = frozenset({"mcp_tool_error", "mcp_https_error", "missing_dynamic_variable_transfer"})
"""Types that concern one tool of the agent and end nothing."""

_CLOSES: dict[int, tuple[str, str, bool]] = {
    1002: ("protocol_error", "the agent did not take what was sent", False),
    1008: ("refused", "the agent refused the conversation", False),
    1009: ("too_large", "the agent found a message too large", False),
    1011: ("provider_error", "the agent failed", True),
    1013: ("unavailable", "the agent is not available", True),
}


def failure(error_type: str | None) -> BridgeError:
    """Return an ``error`` event as ours; types that are not listed are the provider's own trouble."""
    code, message, retryable = _TYPES.get(error_type or "", ("provider_error", "the agent failed", True))
    return BridgeError(message, code=code, retryable=retryable)


def ended(code: int) -> BridgeError | None:
    """Return what a close by the agent means; 1000 is the end of the conversation."""
    if code == 1000:
        return None
    name, message, retryable = _CLOSES.get(code, ("connection_lost", "the connection to the agent was lost", True))
    return BridgeError(message, code=name, retryable=retryable)
