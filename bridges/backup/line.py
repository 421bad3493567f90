"""Which of several engines may be asked: those that are well, in the operator's order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from mediaserver.breaker import Breaker, BreakerSettings
from mediaserver.clock import Clock, monotonic
from mediaserver.errors import BridgeError
from mediaserver.speech import Warm

Engine = TypeVar("Engine")


@dataclass(frozen=True, slots=True)
class Place(Generic[Engine]):
    """One engine and what is known of its health; shared by all calls."""

    engine: Engine
    breaker: Breaker


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one engine is waited for before the next is asked too, in seconds: to begin, and in the middle."""

    begin_s: float = 1.5
    stall_s: float = 4.0


class Line(Generic[Engine]):
    """The engines, the first the preferred one. Five failures in ten seconds, and one is left alone for a while."""

    def __init__(
        self, engines: Sequence[Engine], settings: BreakerSettings | None = None, clock: Clock = monotonic
    ) -> None:
        self._clock = clock
        self.places = tuple(Place(engine, Breaker(settings or BreakerSettings())) for engine in engines)

    @property
    def first(self) -> Engine:
        """The preferred engine: its rate and its voices are those of the line."""
        return self.places[0].engine

    async def warm(self) -> None:
        """Get all of them ready. Raises the first one's BridgeError when none can be had."""
        results = await asyncio.gather(*(self._warm(place) for place in self.places))
        failures = [failure for failure in results if failure is not None]
        if len(failures) == len(self.places):
            raise failures[0]

    async def _warm(self, place: Place[Engine]) -> BridgeError | None:
        try:
            if isinstance(place.engine, Warm):
                await place.engine.warm()
        except BridgeError as failure:
            self.failed(place, failure)
            return failure
        return None

    def allow(self, place: Place[Engine]) -> bool:
        """Say whether a place may be asked now, and take it as asked."""
        return place.breaker.allow(self._clock())

    def well(self, place: Place[Engine]) -> None:
        """A place has answered."""
        place.breaker.succeeded(self._clock())

    def failed(self, place: Place[Engine], failure: BridgeError) -> None:
        """A place has not."""
        place.breaker.failed(failure.code, self._clock())


def nobody() -> BridgeError:
    """Return the failure of a line in which no engine may be asked."""
    return BridgeError("no engine is well enough to be asked", code="unavailable")
