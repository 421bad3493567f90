"""When a provider is left alone: a circuit breaker, and a budget of retries. Pure."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

State = Literal["closed", "open", "half_open"]
Weight = Literal["counts", "opens", "nothing"]

WEIGHTS: dict[str, Weight] = {
    "unauthorized": "opens",  # every other call would be refused too
    "session_expired": "nothing",  # the end that was agreed
    "unsupported_by_provider": "nothing",  # our request's fault
    "refused": "nothing",
}
"""What a failure says about a provider, by :class:`mediaserver.errors.BridgeError` code; any other code counts."""


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """When a breaker opens and for how long; times in seconds."""

    failures: int = 5
    """So many failures ..."""
    within_s: float = 10.0
    """... within this time open it."""
    open_s: float = 5.0
    """No request is let through for this long; then one is, and its result decides."""
    refused_open_s: float = 60.0
    """The same after our credentials were refused: only a person can mend that."""
    jitter: float = 0.2
    """Up to this part is added to both, so that many workers do not ask again at the same moment."""
    probe_s: float = 10.0
    """A probe without a result is given up after this long, and another may be sent."""
    max_keys: int = 256
    """More providers and regions than this are not told apart: the one not asked for longest is forgotten."""


class Breaker:
    """One provider in one region: closed (all may pass), open (none may), half-open (one may, to see)."""

    def __init__(self, settings: BreakerSettings, chance: Callable[[], float] = random.random) -> None:
        self.alarm = False  # our credentials were refused, and no request has succeeded since
        self.opened = 0
        self.refused = 0
        self._settings = settings
        self._chance = chance
        self._failures: deque[float] = deque(maxlen=settings.failures)
        self._open_until: float | None = None
        self._probe_until: float | None = None

    def state(self, now: float) -> State:
        """Where it is at ``now``, monotonic seconds."""
        if self._open_until is None:
            return "closed"
        return "open" if now < self._open_until else "half_open"

    def may(self, now: float) -> bool:
        """Say whether a request would be let through, without sending one."""
        state = self.state(now)
        probing = self._probe_until is not None and now < self._probe_until
        return state == "closed" or (state == "half_open" and not probing)

    def allow(self, now: float) -> bool:
        """Say whether a request may be sent, and take it as sent; in half-open it is the one probe."""
        if not self.may(now):
            self.refused += 1
            return False
        if self.state(now) == "half_open":
            self._probe_until = now + self._settings.probe_s
        return True

    def succeeded(self, now: float) -> None:
        """A request did: the breaker closes, unless it is an old one that ends while the breaker is open."""
        if self.state(now) == "half_open":
            self._failures.clear()
            self._open_until = self._probe_until = None
            self.alarm = False

    def failed(self, code: str, now: float) -> None:
        """A request failed, or a session that stood; ``code`` is a BridgeError's."""
        weight = WEIGHTS.get(code, "counts")
        if weight == "opens":
            self.alarm = True
            self._open(now, self._settings.refused_open_s)
        elif weight == "nothing":
            self._probe_until = None
        else:
            self._count(now)

    def failures(self, now: float) -> int:
        """How many failures count at ``now``."""
        return sum(1 for at in self._failures if now - at <= self._settings.within_s)

    def _count(self, now: float) -> None:
        state = self.state(now)
        if state == "open":
            return  # it was under way when the breaker opened
        self._failures.append(now)
        if state == "half_open" or self.failures(now) >= self._settings.failures:
            self._open(now, self._settings.open_s)

    def _open(self, now: float, seconds: float) -> None:
        self.opened += 1
        self._failures.clear()
        self._probe_until = None
        self._open_until = now + seconds * (1 + self._settings.jitter * self._chance())


class RetryBudget:
    """At most so many retries for so many first requests, counted over all calls.

    In each window of ``window_s`` seconds ``ratio`` of the first requests may be tried again, and never fewer than
    ``reserve``, so that a server with one call has retries too.
    """

    def __init__(self, ratio: float = 0.1, reserve: int = 3, window_s: float = 60.0) -> None:
        self.offered = 0
        self.retried = 0
        self.refused = 0
        self._ratio = ratio
        self._reserve = reserve
        self._window_s = window_s
        self._began = 0.0

    def offer(self, now: float) -> None:
        """Count a first request."""
        self._turn_over(now)
        self.offered += 1

    def take(self, now: float) -> bool:
        """Say whether a retry may be sent, and count it."""
        self._turn_over(now)
        if self.retried + 1 > max(self._reserve, int(self._ratio * self.offered)):
            self.refused += 1
            return False
        self.retried += 1
        return True

    def _turn_over(self, now: float) -> None:
        if now - self._began >= self._window_s:
            self.offered = self.retried = self.refused = 0
            self._began = now
