"""What the provider's ``error`` events and close codes mean for the call.

The provider types ``code`` as a free string, so what is not in a table is a plain refusal and the call goes on. Sources: the
SDK's notes on closes (1001, 1005, 1006, 1011, 1012, 1013, 1015 can be tried again; 1000, 1008, 4000 cannot), issues of
public clients for the codes.
"""

from __future__ import annotations

import re

from bridges.openai.wire import ErrorBody
from mediaserver.errors import BridgeError

FATAL = {
    "session_expired": ("the provider's session has lasted as long as it may", "session_expired", True),
    "beta_api_shape_disabled": ("the provider does not speak this form any more", "refused", False),
    "invalid_api_key": ("the provider refused our credentials", "unauthorized", False),
    "invalid_model": ("the provider does not have this model", "refused", False),
    "model_not_found": ("the provider does not have this model", "refused", False),
    "insufficient_quota": ("the provider's account has no quota left", "rate_limited", False),
}
"""Codes after which the session is over: message, our code, whether another try can help."""
AT_FIRST = {"rate_limit_exceeded": ("the provider is at its limit", "rate_limited", True)}
"""The same where it is said before the session has begun."""
HARMLESS = frozenset({"response_cancel_not_active"})
"""We asked to stop what had ended meanwhile."""
CLOSES = {
    1008: ("the provider refused the connection", "unauthorized", False),
    1009: ("the provider found a message too large", "too_large", True),
    1012: ("the provider restarts", "unavailable", True),
    1013: ("the provider is at its limit", "rate_limited", True),
    4000: ("the provider refused the session", "refused", False),
}
_WORD = re.compile(r"[\w.\[\]-]{1,80}\Z", re.ASCII)


def code_of(error: ErrorBody) -> str:
    """Return the error's code, else its type; empty codes occur (xAI)."""
    return str(error.code or error.type or "provider_error")


def fatal(error: ErrorBody, *, begun: bool) -> BridgeError | None:
    """Return what ends the session, ``None`` when it goes on; before it has begun every refusal ends it."""
    code = code_of(error)
    row = FATAL.get(code) or (None if begun else AT_FIRST.get(code))
    if row is None and not begun:
        retryable = error.type == "server_error"
        told = ", ".join(word for word in (code, error.param) if word and _WORD.match(word))
        row = (f"the provider refused the session's configuration ({told})", "refused", retryable)
    return None if row is None else BridgeError(row[0], code=row[1], retryable=row[2])


def closed(code: int, begun: bool) -> BridgeError | None:
    """Return what a close means; 1000 in a session that had begun is its end."""
    if code == 1000 and begun:
        return None
    message, word, retryable = CLOSES.get(code, ("the connection to the provider was lost", "connection_lost", True))
    return BridgeError(message, code=word, retryable=retryable)
