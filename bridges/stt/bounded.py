"""An answer as it comes, of which no more is taken than an answer may have."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from bridges.http import MAX_ANSWER
from mediaserver.errors import BridgeError


async def bounded(
    pieces: AsyncGenerator[bytes, None], who: str, limit: int = MAX_ANSWER
) -> AsyncGenerator[bytes, None]:
    """Yield the pieces. Raises BridgeError ``too_large`` beyond ``limit`` bytes."""
    size = 0
    async for piece in pieces:
        size += len(piece)
        if size > limit:
            raise BridgeError(f"{who} sent too large an answer", code="too_large")
        yield piece
