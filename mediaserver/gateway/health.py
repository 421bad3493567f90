"""Which providers are well: a circuit breaker per provider and region, and one budget of retries for all calls. Pure."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from mediaserver.breaker import Breaker, BreakerSettings, RetryBudget, State
from mediaserver.remember import remember

Key = tuple[str, str]
"""A provider and its region."""


@dataclass(frozen=True, slots=True)
class Health:
    """One provider as the metrics show it; ``failures`` count now, ``opened`` and ``refused`` since the start."""

    provider: str
    region: str
    state: State
    failures: int
    opened: int
    refused: int
    alarm: bool


@dataclass(slots=True)
class _Known:
    breaker: Breaker
    budget: RetryBudget = field(default_factory=RetryBudget)


class Breakers:
    """All of them; shared by all calls of a worker.

    Each provider and region has its own budget of retries: what one of them is offered pays for no retry at another.
    """

    def __init__(
        self,
        settings: BreakerSettings | None = None,
        chance: Callable[[], float] = random.random,
        budget: Callable[[], RetryBudget] = RetryBudget,
    ) -> None:
        self._settings = settings or BreakerSettings()
        self._chance = chance
        self._budget = budget
        self._known: dict[Key, _Known] = {}

    def allow(self, key: Key, now: float, *, again: bool = False) -> bool:
        """Say whether a request may be sent, and take it as sent; ``again``: it is a retry, and the budget must allow it."""
        known = self._of(key)
        if again and known.breaker.may(now) and not known.budget.take(now):
            return False
        if not known.breaker.allow(now):
            return False
        if not again:
            known.budget.offer(now)
        return True

    def succeeded(self, key: Key, now: float) -> None:
        """A session stands."""
        self._of(key).breaker.succeeded(now)

    def failed(self, key: Key, code: str, now: float) -> None:
        """A session could not be opened, or broke; ``code`` is a BridgeError's."""
        self._of(key).breaker.failed(code, now)

    def snapshot(self, now: float) -> list[Health]:
        """Return all of them for the metrics, by name."""
        return [
            Health(*key, b.state(now), b.failures(now), b.opened, b.refused, b.alarm)
            for key, b in sorted(((key, known.breaker) for key, known in self._known.items()), key=lambda one: one[0])
        ]

    def _of(self, key: Key) -> _Known:
        """Return what is known of a provider, and remember that it was asked for last."""
        known = self._known.pop(key, None) or _Known(Breaker(self._settings, self._chance), self._budget())
        remember(self._known, key, known, self._settings.max_keys)
        return known
