"""What the close codes of a WebSocket mean where a provider gives them no meaning of its own (RFC 6455 §7.4.1, IANA)."""

from __future__ import annotations

from mediaserver.errors import BridgeError

_CODES: dict[int, tuple[str, bool]] = {
    1006: ("connection_lost", True),
    1008: ("refused", False),
    1009: ("too_large", False),
    1011: ("unavailable", True),
    1012: ("unavailable", True),
    1013: ("rate_limited", True),
}
"""Our code, and whether another try can help; any other is the provider's own trouble."""
_ORDINARY = frozenset({1000, 1001, 1005})


def closed(code: int) -> BridgeError:
    """Return what a close is that was no ordinary end."""
    word, retryable = _CODES.get(code, ("provider_error", True))
    return BridgeError(f"the provider closed the connection ({code})", code=word, retryable=retryable)


def broken_off(code: int, who: str) -> BridgeError:
    """Return what a close means in the middle of something, where an ordinary end is none."""
    if code in _ORDINARY:
        return BridgeError(f"{who} closed the connection", code="connection_lost")
    return closed(code)
