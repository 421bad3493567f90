"""What a memory before an engine is, whatever the engine makes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Generic, TypeVar

from mediaserver.cache.control import MISS, SHARED, Control, Outcome, answer_headers
from mediaserver.cache.entry import Entry
from mediaserver.cache.flight import Flights
from mediaserver.cache.tiers import Tiers

Piece = TypeVar("Piece")


class Cache(Generic[Piece]):
    """What is kept and what is being made. ``max_age_s``: what is kept is used for so long."""

    def __init__(self, tiers: Tiers, flights: Flights[Piece], *, max_age_s: float, enabled: bool) -> None:
        self.tiers = tiers
        self.flights = flights
        self.max_age_s = max_age_s
        self.enabled = enabled


class Remembering(Generic[Piece]):
    """One engine with a memory, for one call or one request.

    ``outcome`` says where the last answer came from, from its first piece on.
    """

    def __init__(self, cache: Cache[Piece], control: Control) -> None:
        self.outcome = MISS
        self._cache = cache
        self._control = control

    @property
    def headers(self) -> dict[str, str]:
        """What an answer says of where it came from, once its first piece is there; nothing where nothing is kept."""
        return answer_headers(self.outcome, self._control, self._cache.max_age_s) if self._cache.enabled else {}

    def _near(self, key: str) -> Entry | None:
        """Return what is kept in this process."""
        return None if self._control.no_cache else self._cache.tiers.near(key, self._control.max_age)

    async def _far(self, key: str) -> Entry | None:
        """Return what is kept anywhere."""
        return None if self._control.no_cache else await self._cache.tiers.far(key, max_age=self._control.max_age)

    def _hit(self, entry: Entry) -> None:
        self.outcome = Outcome("hit", max(0.0, self._cache.tiers.wall() - entry.made))

    def _missed(self) -> None:
        self._cache.tiers.tally.misses += 1
        self.outcome = MISS

    def _shared(self, key: str, making: AsyncGenerator[Piece, None]) -> AsyncIterator[Piece]:
        """Share a flight; who has wishes of its own about what is kept goes alone."""
        if self._control.alone:
            return making
        return self._cache.flights.ride(key, lambda: making, self._join)

    def _join(self) -> None:
        self.outcome = SHARED
        self._cache.tiers.tally.shared += 1
