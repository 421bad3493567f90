"""Which failures of a provider are worth another try, and when: a table. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from mediaserver.errors import BridgeError

LONGEST_WAIT_S = 2.0
"""A caller is waiting: a provider that asks for more patience than this is left to the fallbacks."""
FIRST_WAIT_S = 0.1

STATUSES: dict[int, tuple[str, bool]] = {
    400: ("invalid_request", False),
    401: ("unauthorized", False),
    402: ("insufficient_quota", False),
    403: ("permission_denied", False),
    404: ("model_not_found", False),
    408: ("timeout", True),
    409: ("conflict", True),
    413: ("too_large", False),
    422: ("invalid_request", False),
    425: ("unavailable", True),
    429: ("rate_limited", True),
    498: ("unavailable", True),
    529: ("unavailable", True),
}
"""Our code, and whether another try can help; other 4xx cannot, 5xx can."""

NEVER = {
    "insufficient_quota": "insufficient_quota",
    "quota_exceeded": "insufficient_quota",
    "billing_hard_limit_reached": "insufficient_quota",
    "context_length_exceeded": "context_length_exceeded",
}
"""Codes of providers that no other try will change, whatever the status, and ours for them."""

AGAIN = frozenset({"conflict", "rate_limited", "unavailable"})
"""Codes after which the same request is sent again here; a timeout has used the caller's patience up."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a provider answered: the status, its ``Retry-After``, and the code and message of its error body."""

    status: int
    retry_after: str | None = None
    code: str = ""
    message: str = ""


def refusal(who: str, told: Refusal) -> BridgeError:
    """Return what a refusal means; ``code`` is ours, and the provider's own is in the message."""
    code, retryable = STATUSES.get(told.status, ("unavailable", True) if told.status >= 500 else ("refused", False))
    said = ": ".join(part for part in (told.code[:80], told.message[:300]) if part)
    return BridgeError(
        f"{who} refused ({told.status}){': ' if said else ''}{said}",
        code=NEVER.get(told.code, code),
        retryable=retryable and told.code not in NEVER,
        retry_after=_seconds(told.retry_after),
    )


def wait_before(failure: BridgeError, attempt: int, chance: float) -> float | None:
    """Return the seconds before the try after ``attempt`` (1, 2, …), ``None`` for no other; ``chance`` 0..1 spreads them."""
    if not failure.retryable or failure.code not in AGAIN:
        return None
    if failure.retry_after is not None:
        return failure.retry_after if failure.retry_after <= LONGEST_WAIT_S else None
    wait: float = FIRST_WAIT_S * 2 ** (attempt - 1) * (0.5 + chance)
    return wait


def _seconds(told: str | None) -> float | None:
    text = (told or "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) <= 20 else None
