"""Bounds that the MCP SDK leaves to us: how long an answer may be, and noticing that a program has ended."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2

MAX_ANSWER = 1 << 20
"""Longest JSON answer in bytes; of events the SDK has the same bound for each."""


class Limited(httpx2.AsyncHTTPTransport):
    """HTTP whose answers have an end. Streams of events have none, their events do."""

    def __init__(self) -> None:
        super().__init__(trust_env=False)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send it; reading more than ``MAX_ANSWER`` of the answer raises StreamError, which fails that call only."""
        answer = await super().handle_async_request(request)
        if not answer.headers.get("content-type", "").lower().startswith("text/event-stream"):
            answer.stream = _Counted(answer.stream)
        return answer


class _Counted(httpx2.AsyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MAX_ANSWER
        async for piece in self._stream:
            left -= len(piece)
            if left < 0:
                raise httpx2.StreamError("the answer is too long")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


class Watched:
    """A stream of messages that says when it is over; satisfies the SDK's ``ReadStream``."""

    def __init__(self, stream: Any, over: Callable[[], None]) -> None:
        self._stream = stream
        self._over = over

    async def receive(self) -> Any:
        """Return the next message."""
        try:
            return await self._stream.receive()
        except BaseException:
            self._over()
            raise

    async def aclose(self) -> None:
        """Close it."""
        await self._stream.aclose()

    def __aiter__(self) -> Watched:
        """Iterate over the messages."""
        return self

    async def __anext__(self) -> Any:
        """Return the next message."""
        try:
            return await self._stream.__anext__()
        except BaseException:
            self._over()
            raise

    async def __aenter__(self) -> Watched:
        """Take it over."""
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> Any:
        """Close it."""
        return await self._stream.__aexit__(*error)
