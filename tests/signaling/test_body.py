import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from mediaserver.config import Config, Server
from mediaserver.errors import BadRequest, TooLarge
from signaling import body
from signaling.realtime import offer
from tests.signaling.doors import KEY, SDP, door

FORM = {"Content-Type": "multipart/form-data; boundary=b"}
JSON = {"Content-Type": "application/json"}


async def test_a_body_without_a_length_is_read_to_the_limit_only() -> None:
    sent = 0

    async def endless() -> object:
        nonlocal sent
        for _ in range(10_000):
            sent += 4096
            yield b"x" * 4096
            await asyncio.sleep(0)

    async with door(Config(server=Server(max_body=8192))) as at:
        answer = await at.call(data=endless())
        assert answer.status == 413
        assert sent < 10_000 * 4096


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/v1/realtime/calls", SDP),
        ("/v1/realtime/calls", FORM),
        ("/v1/realtime/calls", JSON),
        ("/v1/realtime/client_secrets", JSON),
        ("/whip", SDP),
        ("/api/offer", JSON),
    ],
)
async def test_a_body_that_never_comes_is_not_waited_for(
    path: str, kind: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (body, offer):
        monkeypatch.setattr(module, "READ_S", 0.05)
    done = asyncio.Event()

    async def slow() -> object:
        yield b"v=0"
        await done.wait()

    async with door() as at:
        answer = await at.call(path=path, headers=KEY | kind, data=slow())
        assert answer.status == 408
        done.set()


def test_a_text_is_utf8_or_refused_by_its_name() -> None:
    assert body.text_of("ä".encode()) == "ä"
    for param in (None, "sdp"):
        with pytest.raises(BadRequest) as wrong:
            body.text_of(b"\xff", param)
        assert wrong.value.param == param


async def test_a_body_is_there_for_whoever_asks_after_the_first() -> None:
    async def twice(request: web.Request) -> web.Response:
        first, second = await body.read_bytes(request, 10), await body.read_bytes(request, 10)
        assert first == second
        with pytest.raises(TooLarge):
            await body.read_bytes(request, 3)
        return web.Response(body=second)

    app = web.Application()
    app.router.add_post("/", twice)
    async with TestClient(TestServer(app)) as client:
        assert await (await client.post("/", data=b"said")).read() == b"said"
