"""A stream of an engine with a deadline on each of its pieces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TypeVar

from mediaserver.errors import BridgeError

Piece = TypeVar("Piece")


async def within(
    stream: AsyncIterator[Piece], first: float, then: float, who: str, code: str
) -> AsyncGenerator[Piece, None]:
    """Pass a stream on, ``first`` seconds for its first piece and ``then`` for each further one; closes it when left.

    Raises BridgeError with ``code`` when it is late.
    """
    limit = first
    try:
        while True:
            async with asyncio.timeout(limit):
                piece = await anext(stream)
            limit = then
            yield piece
    except StopAsyncIteration:
        return
    except TimeoutError:
        raise BridgeError(f"{who} did not answer in time", code=code) from None
    finally:
        if hasattr(stream, "aclose"):
            await stream.aclose()
