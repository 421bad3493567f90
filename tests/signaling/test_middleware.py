import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from mediaserver.config import Config, Server
from signaling.middleware import HEADERS, errors
from tests.signaling.doors import KEY, SDP, door

APP = "https://app.example"
ASK = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}


@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/page.json", "/nowhere", "/v1/realtime/calls", "/static/none.js"]
)
async def test_safe_headers_on_every_answer(path: str) -> None:
    async with door() as at:
        answer = await at.client.get(path)
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
        assert answer.headers["Cache-Control"] == "no-store"
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("path", "status", "code"), [("/nowhere", 404, "not_found"), ("/v1/realtime/calls", 405, "method_not_allowed")]
)
async def test_errors_of_the_framework_have_the_contracts_shape(path: str, status: int, code: str) -> None:
    async with door() as at:
        answer = await at.client.get(path)
        assert answer.status == status and (await answer.json())["error"]["code"] == code


async def test_a_failure_of_ours_says_nothing_of_itself(caplog: pytest.LogCaptureFixture) -> None:
    async with door() as at:
        at.port.fails = RuntimeError("secret detail")  # type: ignore[assignment]
        answer = await at.call()
        body = await answer.text()
        assert answer.status == 500 and "secret" not in body
        assert (await answer.json())["error"]["type"] == "server_error"
    assert caplog.records[-1].exc_info


@pytest.mark.parametrize(
    ("allowed", "origin", "status"),
    [
        ((), "http://localhost:5173", 204),
        ((), APP, 403),
        ((APP,), APP, 204),
        ((APP,), f"{APP}.evil.example", 403),
        ((APP,), f"{APP}:444", 403),
        ((APP,), "null", 403),
        (("*",), "https://any.example", 204),
    ],
)
async def test_who_may_call_across_origins(allowed: tuple[str, ...], origin: str, status: int) -> None:
    async with door(Config(server=Server(cors_origins=allowed))) as at:
        answer = await at.client.options("/v1/realtime/calls", headers=ASK | {"Origin": origin})
        assert answer.status == status
        assert answer.headers.get("Access-Control-Allow-Origin") == (origin if status == 204 else None)
        assert "Access-Control-Allow-Credentials" not in answer.headers
        if status == 204:
            named = answer.headers["Access-Control-Allow-Headers"].lower()
            assert all(name in named for name in ("authorization", "content-type", "x-openai-agents-sdk", "accept"))


async def test_a_page_may_send_its_key_as_azures_clients_do() -> None:
    page = {"Origin": "http://localhost:5173"}
    ask = ASK | page | {"Access-Control-Request-Headers": "api-key,content-type"}
    async with door() as at:
        answer = await at.client.options("/v1/realtime/calls", headers=ask)
        allowed = answer.headers["Access-Control-Allow-Headers"].split(", ")
        assert {"api-key", "X-Stainless-Lang", "OpenAI-Beta"} <= set(allowed)
        called = await at.call(headers={"api-key": "sk-local"} | page | SDP)
        assert (called.status, called.headers["Access-Control-Allow-Origin"]) == (201, page["Origin"])


async def test_a_page_may_read_where_its_call_is() -> None:
    async with door() as at:
        answer = await at.call(headers=KEY | SDP | {"Origin": "http://localhost:5173"})
        assert answer.status == 201
        assert "Location" in answer.headers["Access-Control-Expose-Headers"]
        assert "Origin" in answer.headers["Vary"]


async def test_redirects_of_the_framework_pass() -> None:
    async def away(request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/")

    with pytest.raises(web.HTTPFound):
        await errors(make_mocked_request("GET", "/"), away)
