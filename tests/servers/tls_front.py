"""TLS in front of a plain server on loopback, for clients that speak nothing else: bytes in, the same bytes out."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from mediaserver.config import Tls
from signaling.tls import identity


@asynccontextmanager
async def tls_front(port: int, folder: Path) -> AsyncIterator[tuple[str, ssl.SSLContext]]:
    """Yield ``https://localhost:…`` in front of a port, and what a client has to trust; ``folder`` keeps the certificate."""
    ours = identity(Tls(mode="self-signed", directory=str(folder)))
    assert ours is not None
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_pass_on(reader, inner_writer))
                tasks.create_task(_pass_on(inner_reader, writer))
        finally:
            serving.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=ours.context)
    try:
        trusted = ssl.create_default_context(cafile=str(folder / "mediaserver.crt"))
        yield f"https://localhost:{server.sockets[0].getsockname()[1]}", trusted
    finally:
        server.close()
        if serving:
            await asyncio.wait(serving, timeout=10)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, ssl.SSLError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with suppress(ConnectionError, ssl.SSLError, TimeoutError):
        writer.close()
        async with asyncio.timeout(2):
            await writer.wait_closed()
