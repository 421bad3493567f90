"""One stream out of several engines: the first that begins, and another one that goes on when it breaks off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from bridges.backup.line import Engine, Line, Patience, Place, nobody
from bridges.backup.race import Try, race
from bridges.within import within
from mediaserver.errors import BridgeError

Piece = TypeVar("Piece")
_LONG_S = 3600.0


@dataclass(frozen=True, slots=True)
class _Begun(Generic[Engine, Piece]):
    """A stream whose first piece is here; ``None``: it ended without one."""

    place: Place[Engine]
    stream: AsyncGenerator[Piece, None]
    first: Piece | None


@dataclass(frozen=True, slots=True)
class _Asked(Generic[Engine, Piece]):
    """What is asked of one engine after the other."""

    line: Line[Engine]
    ask: Callable[[Engine], AsyncIterator[Piece]]
    patience: Patience
    who: str

    def tries(self, places: Iterator[Place[Engine]]) -> Iterator[Try[_Begun[Engine, Piece]]]:
        """Give a try at each place that may be asked now."""
        for place in places:
            if self.line.allow(place):
                yield self._try(place)

    def _try(self, place: Place[Engine]) -> Try[_Begun[Engine, Piece]]:
        async def run() -> _Begun[Engine, Piece]:
            stream = within(self.ask(place.engine), _LONG_S, self.patience.stall_s, self.who, "timeout")
            try:
                return _Begun(place, stream, await anext(stream, None))
            except BaseException:
                await stream.aclose()
                raise

        async def discard(late: _Begun[Engine, Piece]) -> None:
            await late.stream.aclose()

        return Try(run, lambda: self.line.well(place), lambda failure: self.line.failed(place, failure), discard)


async def backed(
    line: Line[Engine], ask: Callable[[Engine], AsyncIterator[Piece]], patience: Patience, who: str
) -> AsyncGenerator[Piece, None]:
    """Yield what the first engine gives that begins to answer, and what another one gives when it breaks off.

    ``ask`` is called anew for the one that goes on: it is to ask for what is missing. An engine that was asked once is not
    asked again. Raises the last BridgeError when none is left.
    """
    asked, places, broken = _Asked(line, ask, patience, who), iter(line.places), nobody()
    while True:
        begun = await race(asked.tries(places), partial(asyncio.sleep, patience.begin_s), broken)
        try:
            async with aclosing(begun.stream) as pieces:
                if begun.first is not None:
                    yield begun.first
                async for piece in pieces:
                    yield piece
            return
        except BridgeError as failure:
            line.failed(begun.place, failure)
            broken = failure
