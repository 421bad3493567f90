"""The works that batches go through: few items at a time, of all batches in turn, for as long as the server runs."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mediaserver.audioconfig import Batch
from mediaserver.errors import NotFound, Overloaded, RequestError
from mediaserver.gateway.principal import Principal
from signaling.audio.batch.book import Book, Spec
from signaling.audio.batch.journal import Line
from signaling.audio.batch.shelf import Shelf
from signaling.audio.failures import FAILURES, refusal

log = logging.getLogger(__name__)

Work = Callable[[Spec, Path, Path], Awaitable[str]]
"""Does one item: its batch, its input, where its result goes; returns the content type. Raises what the request would."""

LOOK_S = 60.0
"""How often is looked for batches whose time is over."""
TRIES = 3
LONGEST_WAIT_S = 30.0


class Works:
    """All batches of one worker; ``wall`` gives unix seconds."""

    def __init__(self, config: Batch, shelf: Shelf, work: Work, wall: Callable[[], float] = time.time) -> None:
        self.config = config
        self.shelf = shelf
        self._work = work
        self.wall = wall
        self._books: dict[str, Book] = {}
        self._more = asyncio.Event()
        self._writing = asyncio.Lock()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Works]:
        """Go on with what is on the disk, and work until the block is left; what is not done then is done next time."""
        for book in await asyncio.to_thread(self.shelf.load):
            self._books[book.spec.id] = book
        tasks = asyncio.TaskGroup()
        await tasks.__aenter__()
        working = [tasks.create_task(self._go_on(), name="batch items") for _ in range(self.config.concurrency)]
        working.append(tasks.create_task(self._tidy(), name="old batches"))
        try:
            yield self
        finally:
            for task in working:
                task.cancel()
            await tasks.__aexit__(
                None, None, None
            )  # what went wrong elsewhere goes on as it is, not wrapped by the group

    # --- what clients do ----------------------------------------------------------------------------------------------

    def check(self, who: Principal) -> None:
        """Raise Overloaded when this key has as many batches as it may."""
        if len(self.of(who)) >= self.config.max_batches:
            raise Overloaded(
                f"this key has {self.config.max_batches} batches already: delete one that is done, or wait",
                retry_after=60,
            )

    async def add(self, spec: Spec) -> Book:
        """Take in a batch whose inputs are on the shelf. Raises OSError."""
        book = self._books[spec.id] = await asyncio.to_thread(self.shelf.add, spec)
        self._more.set()
        return book

    def of(self, who: Principal) -> list[Book]:
        """Return the batches of this key, newest first."""
        return [book for book in reversed(self._books.values()) if book.spec.owner == who.name]

    def find(self, name: str, who: Principal) -> Book:
        """Return a batch of this key. Raises NotFound, the same for another's as for none."""
        book = self._books.get(name)
        if book is None or book.spec.owner != who.name:
            raise NotFound("there is no such batch; it may have expired", code="batch_not_found", param="batch_id")
        return book

    async def cancel(self, book: Book) -> None:
        """Begin no more items of a batch; those that are worked at become complete. Raises OSError."""
        await self._note(book, Line("cancelled"))

    async def remove(self, book: Book) -> None:
        """Forget a batch and delete what it has."""
        book.cancelled = True
        self._books.pop(book.spec.id, None)
        await asyncio.to_thread(self.shelf.remove, book.spec.id)

    # --- work ---------------------------------------------------------------------------------------------------------

    async def _go_on(self) -> None:
        while True:
            found = self._next()
            if found is None:
                self._more.clear()
                await self._more.wait()
                continue
            book, index = found
            try:
                await self._do(book, index)
            except OSError as problem:  # a full disk: the item is done again after a restart
                log.error(
                    "a batch cannot be written", extra={"detail": type(problem).__name__, "session_id": book.spec.id}
                )
            finally:
                book.let_go(index)

    def _next(self) -> tuple[Book, int] | None:
        """Return the next item of the batch whose turn it is; the batch then stands behind the others."""
        for name, book in list(self._books.items()):
            index = book.take(self.wall())
            if index is not None:
                self._books[name] = self._books.pop(name)
                return book, index
        return None

    async def _do(self, book: Book, index: int) -> None:
        spec = book.spec
        try:
            content_type = await self._tried(spec, index)
        except RequestError as problem:
            await self._note(book, Line("failed", index, error=_error(problem)))
            return
        if spec.id in self._books:
            await asyncio.to_thread(self.shelf.keep, spec.id, index)
            await self._note(book, Line("completed", index, content_type))

    async def _tried(self, spec: Spec, index: int) -> str:
        """Do it, and again where the engine says that it is busy. Raises RequestError."""
        for tries in range(1, TRIES + 1):
            try:
                return await self._work(spec, self.shelf.input(spec.id, index), self.shelf.part(spec.id, index))
            except FAILURES as problem:
                failure = refusal(problem)
            except OSError:
                raise
            except Exception:  # one item that breaks the works must not stop the others
                log.exception("an item of a batch failed", extra={"session_id": spec.id})
                failure = refusal(RuntimeError())
            if not isinstance(failure, Overloaded) or tries == TRIES:
                raise failure
            await asyncio.sleep(min(failure.retry_after, LONGEST_WAIT_S))
        raise AssertionError("the last try returns or raises")

    async def _note(self, book: Book, line: Line) -> None:
        if book.spec.id not in self._books:
            return
        async with self._writing:
            await asyncio.to_thread(self.shelf.journal(book.spec.id).write, line)
        book.note(line)

    async def _tidy(self) -> None:
        while True:
            now = self.wall()
            for book in [each for each in self._books.values() if each.spec.expires <= now]:
                await self.remove(book)
            await asyncio.sleep(LOOK_S)


def _error(problem: RequestError) -> dict[str, Any]:
    return {"message": problem.message, "type": problem.type, "param": problem.param, "code": problem.code}
