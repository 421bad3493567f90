"""The pooled client of a provider: what comes, what is tried again, and that leaving a stream stops the far end."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bridges.http import Http, Request, open_http
from bridges.options import Remote
from mediaserver.errors import BridgeError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def said(body: bytes) -> tuple[str, str]:
    try:
        error = json.loads(body)["error"]
        return str(error.get("code", "")), str(error.get("message", ""))
    except (ValueError, KeyError, TypeError):
        return "", ""


@asynccontextmanager
async def provider(handler: Handler, **told: float) -> AsyncIterator[Http]:
    app = web.Application()
    app.router.add_route("*", "/v1/{rest:.*}", handler)
    server = TestServer(app)
    await server.start_server()
    try:
        chosen = Remote(key="k", url=str(server.make_url("/v1")), **told)  # type: ignore[arg-type]
        headers = {"Authorization": "Bearer k"}
        async with open_http(chosen, "https://vendor.example", headers=headers, who="the voice", said=said) as http:
            yield http
    finally:
        await server.close()


async def test_an_answer_comes_whole() -> None:
    async def answer(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer k"
        assert request.path == "/v1/audio/speech" and request.query.getall("keyterm") == ["a", "b"]
        return web.json_response(await request.json())

    async with provider(answer) as http:
        params = [("keyterm", "a"), ("keyterm", "b")]
        body = await http.ask(Request("POST", "audio/speech", params=params, json={"input": "hi"}))
        assert json.loads(body) == {"input": "hi"}


async def test_too_long_an_answer_is_left() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=bytes(2000))

    async with provider(answer) as http:
        with pytest.raises(BridgeError) as failed:
            await http.ask(Request("GET", "voices"), limit=1000)
        assert failed.value.code == "too_large"


async def test_a_busy_provider_is_asked_again() -> None:
    tries = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal tries
        tries += 1
        return web.Response(status=503 if tries < 3 else 200, text="ok")

    async with provider(answer) as http:
        assert await http.ask(Request("POST", "x", json={})) == b"ok"
        assert tries == 3


@pytest.mark.parametrize(("status", "tries"), [(401, 1), (429, 3), (400, 1), (500, 3)])
async def test_a_refusal_says_what_the_provider_said(status: int, tries: int) -> None:
    asked = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return web.json_response({"error": {"code": "why", "message": "so"}}, status=status)

    async with provider(answer) as http:
        with pytest.raises(BridgeError) as failed:
            await http.ask(Request("GET", "x"))
        assert failed.value.message == f"the voice refused ({status}): why: so" and asked == tries


async def test_leaving_a_stream_stops_the_provider() -> None:
    left = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x")
                await asyncio.sleep(0.01)
        except (ConnectionError, asyncio.CancelledError):
            left.set()
            raise

    async with provider(answer) as http:
        async with http.stream(Request("POST", "x", json={})) as pieces:
            assert await anext(pieces)
        async with asyncio.timeout(2):
            await left.wait()


async def test_a_silent_provider_is_given_up() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"x")
        await asyncio.sleep(5)
        return response

    async with provider(answer, between_s=0.1) as http:
        with pytest.raises(BridgeError) as failed:
            await http.ask(Request("GET", "x"))
        assert failed.value.code == "timeout"


async def test_an_address_that_is_not_there_is_not_named() -> None:
    chosen = Remote(url="http://127.0.0.1:1/secret", attempts=1)
    async with open_http(chosen, "", headers={}, who="the voice", said=said) as http:
        with pytest.raises(BridgeError) as failed:
            await http.ask(Request("GET", "x"))
        assert failed.value.code == "unavailable" and "secret" not in failed.value.message


async def test_redirects_are_not_followed() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"})

    async with provider(answer) as http:
        with pytest.raises(BridgeError) as failed:
            await http.ask(Request("GET", "x"))
        assert failed.value.code == "refused"


async def test_a_task_that_is_cancelled_twice_stops_the_provider_too() -> None:
    left, began = asyncio.Event(), asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"x")
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            left.set()
            raise
        return response

    async with provider(answer) as http:

        async def listen() -> None:
            async with http.stream(Request("POST", "x", json={})) as pieces:
                async for _ in pieces:
                    began.set()

        for turns in range(6):
            began.clear()
            left.clear()
            task = asyncio.ensure_future(listen())
            await asyncio.wait_for(began.wait(), 5)
            task.cancel()
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await asyncio.wait_for(left.wait(), 5)
