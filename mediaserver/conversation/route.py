"""The places of a call's route: which of them to try next, and when. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from mediaserver.errors import BridgeError

RETRY_AFTER_S = 30.0
"""A provider may ask us to stay away for so long, and no longer."""

BACKOFF_S = 0.25
LONGEST_BACKOFF_S = 10.0

Treatment = Literal["same_first", "others_first", "never"]

TREATMENTS: dict[str, Treatment] = {
    "connection_lost": "same_first",
    "session_expired": "same_first",
    "unauthorized": "never",
}
"""Where to go after a failure, by BridgeError code; any other: elsewhere first, and never here when it says so."""


class Place(Protocol):
    """One way out of a route."""

    @property
    def name(self) -> str:
        """What the record calls it."""
        ...

    @property
    def provider(self) -> str:
        """Whose it is."""
        ...

    @property
    def region(self) -> str:
        """Where it is; empty when there is one place only."""
        ...

    @property
    def max_session_s(self) -> float | None:
        """The provider ends a session after so long."""
        ...


class Health(Protocol):
    """What all calls together know of the providers; see :class:`mediaserver.gateway.health.Breakers`."""

    def allow(self, key: tuple[str, str], now: float, *, again: bool = False) -> bool:
        """Say whether a request may be sent, and take it as sent; ``again``: it is a retry."""
        ...

    def succeeded(self, key: tuple[str, str], now: float) -> None:
        """A session stands."""
        ...

    def failed(self, key: tuple[str, str], code: str, now: float) -> None:
        """A session could not be opened, or broke."""
        ...


@dataclass(frozen=True, slots=True)
class Failure:
    """What a BridgeError says, as plain values."""

    code: str
    retryable: bool = True
    retry_after: float | None = None

    @classmethod
    def of(cls, error: BridgeError) -> Failure:
        """Read it from the error that a bridge raised."""
        return cls(error.code, error.retryable, error.retry_after)

    @property
    def treatment(self) -> Treatment:
        """Where to go now."""
        return TREATMENTS.get(self.code, "others_first") if self.retryable else "never"


@dataclass(slots=True)
class Search:
    """One search for a place: from ``start`` on, around the route; ``opened`` counts how often each was tried in it.

    ``lost``: the session at ``start`` broke, for this reason; a ``need`` is a first request, not a retry.
    """

    start: int
    lost: Failure | None = None
    opened: Counter[int] = field(default_factory=Counter)

    @property
    def need(self) -> bool:
        """To go back to the start is no retry: its session ended as agreed, or there was none."""
        return self.lost is None or self.lost.code == "session_expired"


class Route:
    """The places of one call; what failed for good in it, and what must be left alone for a while."""

    def __init__(self, places: Sequence[Place], health: Health, chance: Callable[[], float]) -> None:
        self.places = tuple(places)
        self._health = health
        self._chance = chance
        self._never: set[int] = set()
        self._not_before: dict[int, float] = {}
        self._strikes: Counter[int] = Counter()

    def next(self, search: Search, now: float, busy: Collection[int] = ()) -> int | None:
        """Return the place to try at once, taken as tried; ``None`` when there is none at this moment.

        Places tried less often come first, then those next on the route. ``busy`` are being tried already.
        """
        usable = [place for place in self._usable() if place not in busy]
        ready = [place for place in usable if now >= self._not_before.get(place, 0.0)]
        for place in sorted(ready, key=lambda one: self._rank(search, one)):
            if self._health.allow(self._key(place), now, again=self._again(search, place, usable)):
                search.opened[place] += 1
                return place
        return None

    def opens_at(self, now: float) -> float | None:
        """When it is worth to look again, at the earliest; ``None``: never in this call."""
        waits = [max(now, self._not_before.get(place, 0.0)) for place in self._usable()]
        return min(waits, default=None)

    def stands(self, place: int, now: float) -> None:
        """A session stands there."""
        self._strikes[place] = 0
        self._health.succeeded(self._key(place), now)

    def failed(self, place: int, failure: Failure, now: float, *, stood: bool = False) -> None:
        """It could not be opened, or (``stood``) broke.

        Connections that break do not make a provider unwell: it may have put its sessions elsewhere, and whether it takes
        new ones shows when they are opened.
        """
        if not (stood and failure.code == "connection_lost"):
            self._health.failed(self._key(place), failure.code, now)
        if failure.treatment == "never":
            self._never |= self._alike(place) if failure.code == "unauthorized" else {place}
        elif failure.code == "rate_limited" or not stood:
            self._not_before[place] = now + self._wait(place, failure)

    def backoff(self, strikes: int) -> float:
        """Seconds to wait after so many failures in a row: longer each time, and never the same for two calls."""
        longest = min(LONGEST_BACKOFF_S, BACKOFF_S * 2.0 ** min(strikes, 10))
        return longest * (0.5 + 0.5 * self._chance())

    def _wait(self, place: int, failure: Failure) -> float:
        wait = self.backoff(self._strikes[place])
        self._strikes[place] += 1
        asked = failure.retry_after
        if failure.code != "rate_limited" or asked is None or math.isnan(asked):
            return wait
        return min(RETRY_AFTER_S, max(wait, asked))

    def _usable(self) -> list[int]:
        return [place for place in range(len(self.places)) if place not in self._never]

    def _rank(self, search: Search, place: int) -> tuple[int, int]:
        stale = place == search.start and search.lost is not None and search.lost.treatment != "same_first"
        return search.opened[place] + stale, (place - search.start) % len(self.places)

    def _again(self, search: Search, place: int, usable: list[int]) -> bool:
        """A retry is what was tried in this search already, or what just broke when there is another way."""
        back = place == search.start and not search.need and len(usable) > 1
        return search.opened[place] > 0 or back

    def _key(self, place: int) -> tuple[str, str]:
        return self.places[place].provider, self.places[place].region

    def _alike(self, place: int) -> set[int]:
        """Places of the same provider and region have the same credentials."""
        return {other for other in range(len(self.places)) if self._key(other) == self._key(place)}
