"""In which order routes are asked: by what they cost and how soon they begin to answer. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

Prefer = Literal["listed", "cheapest", "fastest", "balanced"]

WEIGHT = 0.3
"""How much a new time counts against those before it."""
STALE_S = 300.0
"""A route that has not answered for so long may have become another one."""
READ_PER_WRITTEN = 10
"""Tokens that a turn of a conversation reads for each that it writes."""


def cost(read: int, written: int) -> int:
    """Return a route's cost from its micro-dollars per 1000 tokens: those for 10,000 tokens read and 1000 written."""
    return read * READ_PER_WRITTEN + written


class Latency:
    """Seconds from a request to the first word of its answer: an average in which older ones count less and less."""

    def __init__(self) -> None:
        self._mean = 0.0
        self._seen: float | None = None

    def saw(self, seconds: float, now: float) -> None:
        """Take one time; ``now`` in monotonic seconds."""
        known = self.seconds(now)
        self._mean = seconds if known is None else known + WEIGHT * (seconds - known)
        self._seen = now

    def seconds(self, now: float) -> float | None:
        """Return the average, ``None`` where none is known or it is out of date."""
        return None if self._seen is None or now - self._seen > STALE_S else self._mean


def ordered(
    names: Sequence[str], prefer: Prefer, costs: Mapping[str, int], seconds: Mapping[str, float | None]
) -> list[str]:
    """Return the routes in the order in which they are asked; of equals the one that is listed first comes first.

    A route whose time is not known counts as instant, so that it is tried and its time is known.
    """
    times = {name: seconds.get(name) or 0.0 for name in names}
    dearest, slowest = max((costs[name] for name in names), default=0), max(times.values(), default=0.0)
    keys: dict[Prefer, Mapping[str, float]] = {
        "listed": dict.fromkeys(names, 0.0),
        "cheapest": {name: costs[name] for name in names},
        "fastest": times,
        "balanced": {name: _share(costs[name], dearest) + _share(times[name], slowest) for name in names},
    }
    return sorted(names, key=keys[prefer].__getitem__)


def _share(value: float, most: float) -> float:
    return value / most if most else 0.0
