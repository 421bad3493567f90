"""Single flight with streaming: equal requests that come while one is on its way get its pieces, as they come.

The one who makes the pieces belongs to nobody who listens: it goes on while anybody does, and stops when nobody is left.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

from mediaserver.errors import BridgeError
from mediaserver.tasks import own_tasks

MAX_BYTES = 8 * 1024 * 1024
"""What a flight keeps of itself. One that is longer is not joined any more, and its maker waits for its listeners."""
LAG_S = 30.0
"""Of several listeners to such a long one, who takes nothing for so long is put off, so that the others go on."""
CLOSE_S = 5.0
"""Who leaves last waits so long for the maker to have stopped."""
TRIES = 2
"""Requests made for those who wait, where the first fails before its first piece."""

Piece = TypeVar("Piece")


class _Seat:
    """A listener: how many pieces it has taken, and whether it was put off."""

    def __init__(self) -> None:
        self.taken = 0
        self.put_off = False


class _Flight(Generic[Piece]):
    def __init__(self, size: Callable[[Piece], int], most: int) -> None:
        self.seats: set[_Seat] = set()
        self.failure: BaseException | None = None
        self.over = False
        self.began = False
        self.task: asyncio.Task[None] | None = None
        self._size, self._most = size, most
        self._pieces: list[Piece] = []
        self._gone = 0
        self._bytes = 0
        self._news, self._room = asyncio.Event(), asyncio.Event()

    @property
    def full(self) -> bool:
        return self._bytes > self._most

    def add(self, piece: Piece) -> None:
        self.began = True
        self._pieces.append(piece)
        self._bytes += self._size(piece)
        self._tell()

    def land(self) -> None:
        self.over = True
        self._tell()

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def read(self, seat: _Seat) -> AsyncGenerator[Piece, None]:
        while True:
            if seat.put_off:
                raise BridgeError("this listener fell too far behind", code="too_slow")
            if seat.taken - self._gone < len(self._pieces):
                piece = self._pieces[seat.taken - self._gone]
                seat.taken += 1
                self._room.set()
                yield piece
            elif self.over:
                if self.failure is not None:
                    raise self.failure
                return
            else:
                await self._news.wait()  # who makes the pieces has deadlines

    async def room(self) -> None:
        """Return when what is kept is within its bound: the beginning, which everybody has taken, is let go."""
        self._let_go()
        while self.full:
            self._room.clear()
            try:
                async with asyncio.timeout(LAG_S):
                    await self._room.wait()
            except TimeoutError:
                self._put_off()
            self._let_go()

    def _let_go(self) -> None:
        taken = min((seat.taken for seat in self.seats), default=self._gone) - self._gone
        self._bytes -= sum(map(self._size, self._pieces[:taken]))
        del self._pieces[:taken]
        self._gone += taken

    def _put_off(self) -> None:
        """Put off who is behind, if somebody waits for more: a listener that is alone takes the time it wants."""
        latest = self._gone + len(self._pieces)
        if any(seat.taken == latest for seat in self.seats):
            for seat in [seat for seat in self.seats if seat.taken < latest]:
                seat.put_off = True
                self.seats.discard(seat)
            self._tell()


class Flights(Generic[Piece]):
    """Requests on their way, by key. ``size`` is a piece's bytes."""

    def __init__(self, size: Callable[[Piece], int], *, most: int = MAX_BYTES) -> None:
        self._size, self._most = size, most
        self._flights: dict[str, _Flight[Piece]] = {}
        self._aloft: set[_Flight[Piece]] = set()
        self._tasks: asyncio.TaskGroup | None = None

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Flights[Piece]]:
        """Own what is on its way while the context is open; then stop it."""
        async with own_tasks() as tasks:
            self._tasks = tasks
            try:
                yield self
            finally:
                self._tasks = None
                for flight in self._aloft:
                    self._stop(flight)

    def __len__(self) -> int:
        """Return how many are on their way and can be joined."""
        return len(self._flights)

    async def ride(
        self, key: str, start: Callable[[], AsyncIterator[Piece]], joined: Callable[[], None]
    ) -> AsyncGenerator[Piece, None]:
        """Yield the pieces of the request under this key; ``start`` makes one where there is none, else ``joined`` is told.

        Raises what the request raises. Closing the iterator of the last listener stops the request.
        """
        for attempt in range(1, TRIES + 1):
            flight, leads = self._board(key, start)
            if not leads:
                joined()
            seat = _Seat()
            flight.seats.add(seat)
            try:
                async for piece in flight.read(seat):
                    yield piece
                return
            except BridgeError as failure:
                # The next one tries, but not all of them one after the other, nor where no try can help.
                if leads or flight.began or attempt == TRIES or not failure.retryable:
                    raise
            finally:
                flight.seats.discard(seat)
                await self._left(key, flight)

    def _board(self, key: str, start: Callable[[], AsyncIterator[Piece]]) -> tuple[_Flight[Piece], bool]:
        if (flight := self._flights.get(key)) is not None:
            return flight, False
        if self._tasks is None:
            raise BridgeError("the server stops", code="unavailable", retryable=False)
        flight = self._flights[key] = _Flight(self._size, self._most)
        flight.task = self._tasks.create_task(self._fly(key, flight, start), name="cache flight")
        self._aloft.add(flight)
        flight.task.add_done_callback(lambda _: self._aloft.discard(flight))
        return flight, True

    async def _fly(self, key: str, flight: _Flight[Piece], start: Callable[[], AsyncIterator[Piece]]) -> None:
        try:
            await self._fill(key, flight, start())
        except Exception as failure:  # told to all who listen
            flight.failure = failure
        finally:
            self._forget(key, flight)
            flight.land()

    async def _fill(self, key: str, flight: _Flight[Piece], stream: AsyncIterator[Piece]) -> None:
        try:
            async for piece in stream:
                flight.add(piece)
                if flight.full:
                    self._forget(key, flight)
                    await flight.room()
        finally:
            await close(stream)

    async def _left(self, key: str, flight: _Flight[Piece]) -> None:
        if flight.seats or flight.over or flight.task is None:
            return
        self._forget(key, flight)
        self._stop(flight)
        await asyncio.wait({flight.task}, timeout=CLOSE_S)

    def _stop(self, flight: _Flight[Piece]) -> None:
        flight.failure = BridgeError("the server stops", code="unavailable", retryable=False)
        flight.land()
        if flight.task is not None:
            flight.task.cancel()

    def _forget(self, key: str, flight: _Flight[Piece]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]


async def close(stream: AsyncIterator[Any]) -> None:
    """Close a stream that can be closed, so that what makes it stops."""
    if hasattr(stream, "aclose"):
        await stream.aclose()
