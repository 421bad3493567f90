import asyncio
import json
import socket
import time

import httpx
import pytest

from bridges.tools.box import open_tools
from bridges.tools.source import Call
from bridges.tools.webhook import WebhookSource, open_webhooks, sign
from mediaserver.section import Secret
from mediaserver.toolconfig import Webhook, WebhookTool
from tests.servers.webhook import SECRET, webhook_server


def tool(url: str, *, secret: str | None = SECRET, timeout_s: float = 20.0, name: str = "weather") -> WebhookTool:
    hook = Webhook(url=url, secret=None if secret is None else Secret(secret), timeout_s=timeout_s)
    return WebhookTool(name=name, description="Says how it is outside.", parameters={"type": "object"}, webhook=hook)


async def call(url: str, arguments: str = '{"city": "Köln"}', call_id: str = "call_1", **told):
    async with open_tools((tool(url, **told),), {}) as box:
        return await box.call("weather", arguments, call_id, 20.0, session_id="sess_1")


@pytest.mark.parametrize(
    ("path", "text"),
    [("json", '{"weather": "süß"}'), ("text", "it is sunny"), ("quoted", "it is sunny"), ("empty", "")],
)
async def test_the_answer_is_the_output(path, text):
    async with webhook_server() as server:
        output = await call(f"{server.url}/{path}")
    got = json.loads(output.text) if path == "json" else output.text
    assert (got, output.error) == (json.loads(text) if path == "json" else text, False)


async def test_the_request_is_signed_and_says_everything():
    async with webhook_server() as server:
        assert not (await call(f"{server.url}/text")).error, "the server checks the signature by itself"
        (request,) = server.received
    assert request.body == {
        "call_id": "call_1", "name": "weather", "arguments": {"city": "Köln"}, "session_id": "sess_1",
    }  # fmt: skip
    assert request.headers["webhook-id"] == "call_1"
    assert abs(int(request.headers["webhook-timestamp"]) - time.time()) < 60
    assert request.headers["content-type"] == "application/json"


async def test_another_secret_is_noticed():
    async with webhook_server() as server:
        output = await call(f"{server.url}/text", secret="whsec_" + "A" * 40)
    assert output.error and "401" in output.text


async def test_without_a_secret_nothing_is_signed():
    async with webhook_server() as server:
        await call(f"{server.url}/text", secret=None)
        assert "webhook-signature" not in server.received[0].headers


def test_the_example_of_the_specification():
    """The example in the reference libraries' tests (standard-webhooks, "test_sign_function")."""
    import base64

    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("call_id", ["call\r\nx-evil: 1", "ä" * 300, "a.b", "\ud800", ""])
async def test_a_strange_call_id_is_no_way_into_the_headers(call_id):
    async with webhook_server() as server:
        output = await call(
            f"{server.url}/text", call_id=call_id.replace("\ud800", "?") if call_id != "\ud800" else "?"
        )
        (request,) = server.received
    assert not output.error and "x-evil" not in request.headers
    assert request.headers["webhook-id"].startswith("call_") and len(request.headers["webhook-id"]) == 69


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("failing", "HTTP 500"),
        ("moved", "HTTP 307"),
        ("huge", "more than 65536"),
        ("zipped", "encoding"),
        ("dropping", "reached"),
    ],
)
async def test_what_goes_wrong_is_told_to_the_model_without_the_servers_words(path, said):
    async with webhook_server() as server:
        output = await call(f"{server.url}/{path}")
        assert output.error and said in json.loads(output.text)["error"]
        assert "secret thing" not in output.text and server.url not in output.text
        assert [one.path for one in server.received] == [f"/{path}"], "once: it may have been executed"


async def test_a_slow_server_is_left_at_the_deadline():
    async with webhook_server() as server:
        output = await call(f"{server.url}/slow", timeout_s=0.3)
        assert output.error and "in time" in output.text
        async with asyncio.timeout(20):
            while not server.ended:
                await asyncio.sleep(0.01)
        assert len(server.received) == 1


async def test_a_server_that_is_not_there_is_tried_twice():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    output = await call(f"http://127.0.0.1:{port}/")
    assert output.error and "cannot be reached" in output.text


@pytest.mark.parametrize(
    ("failure", "tries"),
    [(httpx.ConnectError, 2), (httpx.ConnectTimeout, 2), (httpx.ReadError, 1), (httpx.WriteError, 1)],
)
async def test_only_what_was_certainly_not_sent_is_sent_again(failure, tries):
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        raise failure("broken", request=request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        output = await WebhookSource(client, tool("http://tools.example/")).call(Call("weather", {}, "call_1"))
    assert output.error and len(asked) == tries
    assert len({request.headers["webhook-id"] for request in asked}) == 1


async def test_the_second_try_can_succeed():
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if len(asked) == 1:
            raise httpx.ConnectError("refused", request=request)
        return httpx.Response(200, stream=httpx.ByteStream(b"done"))

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        output = await WebhookSource(client, tool("http://tools.example/")).call(Call("weather", {}, "call_1"))
    assert (output.text, output.error) == ("done", False)


async def test_many_at_once_share_the_connections():
    async with webhook_server() as server, open_webhooks((tool(f"{server.url}/text"),)) as (source,):
        async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            calls = [tasks.create_task(source.call(Call("weather", {}, f"call_{n}"))) for n in range(50)]
        assert {task.result().text for task in calls} == {"it is sunny"}
        assert len({one.body["call_id"] for one in server.received}) == 50
