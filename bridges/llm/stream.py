"""One streamed answer of a language model: its events on their way from the connection to the words of this house."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import Protocol

from bridges.http import Http, Request
from bridges.llm.failures import WHO
from bridges.llm.wire import clean
from bridges.sse import Event, Events
from bridges.within import within
from mediaserver.errors import BridgeError
from mediaserver.speech import Piece, ToolRequest

DRAIN_S = 0.5


class Reading(Protocol):
    """What a dialect makes of the events of one answer."""

    @property
    def over(self) -> bool:
        """Whether the answer is complete, so that nothing but the end of the body can follow."""
        ...

    def event(self, event: Event) -> str:
        """Return the text to speak now. Raises BridgeError."""
        ...

    def finish(self) -> Iterator[Piece]:
        """Give what is left when the stream has ended. Raises BridgeError for one that was cut."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds to the first bytes, and between later ones."""

    first_s: float
    between_s: float


async def answer(http: Http, request: Request, reading: Reading, limits: Limits) -> AsyncGenerator[Piece, None]:
    """Yield the answer as it is written; closing the generator closes the connection, so the far end stops.

    Raises BridgeError.
    """
    async with (
        http.stream(request) as body,
        # The limit of the first bytes too: many servers send their headers before they have thought.
        aclosing(within(body, limits.first_s, limits.between_s, WHO, "timeout")) as pieces,
        aclosing(_texts(pieces, reading)) as texts,
    ):
        async for text in texts:
            yield text
        await _drain(pieces)
    for rest in reading.finish():
        yield _cleaned(rest)


async def _texts(pieces: AsyncGenerator[bytes, None], reading: Reading) -> AsyncGenerator[str, None]:
    events = Events()
    async for piece in pieces:
        for event in events.feed(piece):
            if text := clean(reading.event(event)):
                yield text
            if reading.over:
                return
    for event in events.finish():
        if text := clean(reading.event(event)):
            yield text


async def _drain(pieces: AsyncGenerator[bytes, None]) -> None:
    """Read the end of the body, which should be there: only then the connection can be used again."""
    with suppress(TimeoutError, BridgeError):
        async with asyncio.timeout(DRAIN_S):
            async for _ in pieces:
                continue


def _cleaned(piece: Piece) -> Piece:
    if isinstance(piece, str):
        return clean(piece)
    if isinstance(piece, ToolRequest):
        return replace(piece, call_id=clean(piece.call_id), name=clean(piece.name), arguments=clean(piece.arguments))
    return piece
