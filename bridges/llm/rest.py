"""When a route is left alone: a circuit breaker. Pure. The gateway has one for realtime providers; rooms do not share it."""

from __future__ import annotations

from collections import deque

NOTHING = frozenset({"invalid_request", "refused", "too_large", "context_length_exceeded"})
"""Failures that another request need not have: they say nothing about the route."""
AT_ONCE = frozenset({"unauthorized", "insufficient_quota", "model_not_found", "permission_denied"})
"""Failures that every other request would have too."""
LONG = 12
"""After one of those a route rests so many times as long."""


class Rest:
    """One route: asked freely, left alone after ``failures`` within ``within_s``, then asked once to see."""

    def __init__(self, failures: int, within_s: float, rest_s: float, probe_s: float = 10.0) -> None:
        self._within_s, self._rest_s, self._probe_s = within_s, rest_s, probe_s
        self._failures: deque[float] = deque(maxlen=failures)
        self._until: float | None = None
        self._probing_until = 0.0

    def may(self, now: float) -> bool:
        """Say whether a request could be sent, in monotonic seconds."""
        return self._until is None or (now >= self._until and now >= self._probing_until)

    def asked(self, now: float) -> None:
        """A request is sent; after a rest it is the one that decides, and given up as such after ``probe_s``."""
        if self._until is not None:
            self._probing_until = now + self._probe_s

    def answered(self, now: float) -> None:
        """A request was answered; one that was sent before a rest began does not end it."""
        if self._until is None or now >= self._until:
            self._failures.clear()
            self._until, self._probing_until = None, 0.0

    def left(self) -> None:
        """The request was given up by the one who asked, which says nothing."""
        self._probing_until = 0.0

    def failed(self, code: str, now: float) -> None:
        """The request failed; ``code`` is a BridgeError's."""
        self._probing_until = 0.0
        if code in AT_ONCE:
            self._begin(now, self._rest_s * LONG)
        elif code not in NOTHING and (self._until is None or now >= self._until):
            self._count(now)

    def _count(self, now: float) -> None:
        self._failures.append(now)
        full = len(self._failures) == self._failures.maxlen and now - self._failures[0] <= self._within_s
        if full or self._until is not None:
            self._begin(now, self._rest_s)

    def _begin(self, now: float, seconds: float) -> None:
        self._failures.clear()
        self._until = now + seconds
