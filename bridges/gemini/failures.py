"""What the end of a connection means: the close's code and reason are the only errors that the Live API has.

The codes are known from the field (1007 also for a bad key, 1008 for a model that has no such method, 1011 for quota,
deadline and trouble inside); the reason's text says which.
"""

from __future__ import annotations

from mediaserver.errors import BridgeError

_REASONS: tuple[tuple[str, str, bool], ...] = (
    ("api key", "unauthorized", False),
    ("api_key", "unauthorized", False),
    ("credential", "unauthorized", False),
    ("permission", "unauthorized", False),
    ("auth token", "unauthorized", False),
    ("quota", "rate_limited", True),
    ("exhausted", "rate_limited", True),
    ("deadline", "session_expired", True),
    ("duration", "session_expired", True),
)
"""What a reason speaks of, our code, and whether another try can help."""
_CODES: dict[int, tuple[str, bool]] = {
    1000: ("session_expired", True),
    1001: ("session_expired", True),
    1006: ("connection_lost", True),
    1007: ("refused", False),
    1008: ("refused", False),
    1009: ("too_large", False),
    1011: ("unavailable", True),
}


def ended(code: int, reason: str, *, resuming: bool = False) -> BridgeError:
    """Return what a close means; the server has no reason to end a conversation by itself, so each is an error.

    ``resuming``: the session was to be taken up again and had not begun; its handle may just be too old.
    """
    word, retryable = _CODES.get(code, ("provider_error", True))
    said = reason.lower()
    for part, meaning, again in _REASONS:
        if part in said:
            word, retryable = meaning, again
            break
    if resuming and word == "refused":
        word, retryable = "session_expired", True
    return BridgeError(f"the provider closed the connection ({code})", code=word, retryable=retryable)
