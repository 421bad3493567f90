"""A language model behind HTTP, whatever its dialect: one request, and its answer read as it comes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from bridges.http import Http, Request
from bridges.llm.stream import Limits, Reading, answer
from mediaserver.speech import FREE, Message, Piece, Terms

Write = Callable[[Sequence[Message], Terms], Request]


class HttpModel:
    """Satisfies :class:`mediaserver.speech.LanguageModel`; closing the iterator closes the request: the far end stops.

    ``write`` puts a question into the dialect's words, ``reading`` begins to read an answer to it.
    """

    def __init__(self, http: Http, limits: Limits, write: Write, reading: Callable[[], Reading]) -> None:
        self._http = http
        self._limits = limits
        self._write = write
        self._reading = reading

    async def warm(self) -> None:
        """Open a connection ahead of the first answer."""
        await self._http.warm()

    async def reply(self, messages: Sequence[Message], terms: Terms = FREE) -> AsyncGenerator[Piece, None]:
        """Yield the answer as it is written. Raises BridgeError."""
        request = self._write(messages, terms)
        async with aclosing(answer(self._http, request, self._reading(), self._limits)) as pieces:
            async for piece in pieces:
                yield piece
