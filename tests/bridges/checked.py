"""A talk with a simulator after which all that went over the wire is held to the types of the vendor's SDK."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

from mediaserver.bridge import Opening
from tests.bridges.talk import Talk, opened


class Sdk(Protocol):
    """The module that knows the types; both raise where a message is not of them."""

    def check_sent(self, message: dict[str, Any], /) -> None: ...

    def check_received(self, message: dict[str, Any], /) -> None: ...


@asynccontextmanager
async def checked(
    provider: str, server: Any, sdk: Sdk, opening: Opening, *, wait: bool = True, **options: Any
) -> AsyncIterator[Talk]:
    """Run the simulator and a bridge that calls it until the block ends, then check."""
    async with server:
        told = {"key": server.key, "url": server.url, **options}
        async with opened(provider, told, opening, wait=wait) as talk:
            yield talk
        for message in server.told:
            sdk.check_received(message)
        for connection in server.connections:
            for message in connection.messages:
                sdk.check_sent(message)
