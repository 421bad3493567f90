import asyncio

import anyio
import httpx2
import pytest
from aiohttp import web

from bridges.tools.mcp_limits import MAX_ANSWER, Limited, Watched


async def _serve(size: int, kind: str, get) -> int:
    async def answer(request: web.Request) -> web.StreamResponse:
        stream = web.StreamResponse(headers={"content-type": kind})
        await stream.prepare(request)
        for _ in range(0, size, 1 << 16):
            await stream.write(b"x" * (1 << 16))
        return stream

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return await get(f"http://127.0.0.1:{runner.addresses[0][1]}/")
    finally:
        await runner.cleanup()


async def _get(url: str) -> int:
    async with asyncio.timeout(20), httpx2.AsyncClient(transport=Limited()) as client:
        return len((await client.get(url)).content)


async def test_an_answer_within_the_limit_is_read():
    assert await _serve(MAX_ANSWER, "application/json", _get) == MAX_ANSWER


async def test_a_longer_one_is_not():
    with pytest.raises(httpx2.StreamError):
        await _serve(MAX_ANSWER + 1, "application/json", _get)


async def test_a_stream_of_events_has_no_end():
    assert await _serve(2 * MAX_ANSWER, "text/event-stream", _get) == 2 * MAX_ANSWER


async def test_the_end_of_a_stream_is_noticed():
    told: list[str] = []
    send, receive = anyio.create_memory_object_stream[str](2)
    async with send, Watched(receive, lambda: told.append("over")) as watched:
        await send.send("a")
        await send.send("b")
        assert await watched.receive() == "a" and not told
        await send.aclose()
        assert [message async for message in watched] == ["b"]
    assert told == ["over"]


async def test_a_stream_that_is_closed_while_it_is_read_is_over_too():
    told: list[str] = []
    send, receive = anyio.create_memory_object_stream[str](2)
    watched = Watched(receive, lambda: told.append("over"))
    await send.aclose()
    with pytest.raises(anyio.EndOfStream):
        await watched.receive()
    await watched.aclose()
    assert told == ["over"]
