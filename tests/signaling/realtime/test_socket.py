import asyncio
import contextlib
from typing import Any

import aiohttp
import pytest

from mediaserver.config import Config, Key, Media, Model, Secret, Server, Sessions
from signaling.door import DOOR
from tests.conformance.openai_types import check_event
from tests.fakes.caller import tone
from tests.signaling.doors import KEY
from tests.signaling.houses import House, house
from tests.signaling.sockets import line

MODELS = {"echo": Model(bridge="echo"), "other": Model(bridge="echo")}
LOOPBACK = Media(port=0, addresses=("127.0.0.1",))
ECHO = Config(models=MODELS, default_model="echo", media=LOOPBACK)
CONFIG = Config(
    models=MODELS,
    default_model="echo",
    media=LOOPBACK,
    server=Server(cors_origins=("https://app.example",)),
    keys=(
        Key(name="shop", key=Secret("sk-shop"), models=("echo",)),
        Key(name="watcher", key=Secret("sk-watch"), scopes=("calls:control",)),
    ),
)


async def test_sound_goes_in_and_comes_back() -> None:
    async with house(ECHO) as client, line(client) as call:
        created = await call.until("session.created")
        assert created["session"]["model"] == "echo" and created["session"]["id"].startswith("sess_")
        await call.append(tone(1000, 24000))
        assert await call.heard(48000) == tone(1000, 24000)
        for event in call.events:
            check_event(event)
        first = call.all("response.output_audio.delta")[0]
        made = call.types()
        assert first["response_id"] == call.all("response.created")[0]["response"]["id"]
        assert made.index("response.content_part.added") < made.index("response.output_audio.delta")


@pytest.mark.parametrize(
    ("model", "how"),
    [
        ("?model=echo", {"headers": {"api-key": "sk-local"}}),
        ("?model=echo", {"headers": {}, "protocols": ("realtime", "openai-insecure-api-key.sk-local")}),
        ("?model=echo", {"headers": {"Authorization": "Bearer sk-shop"}}),
        ("?model=echo", {"headers": KEY | {"Origin": "http://localhost:5173"}}),
        ("?model=echo", {"headers": {"Authorization": "Bearer sk-shop", "Origin": "https://app.example"}}),
    ],
)
async def test_every_way_to_show_a_key(model: str, how: dict[str, Any]) -> None:
    async with house(CONFIG) as client, line(client, f"/v1/realtime{model}", **how) as call:
        await call.until("session.created")
        assert call.wire.protocol == ("realtime" if "protocols" in how else None)


async def test_the_extension_for_a_browser_without_udp() -> None:
    offered = ("realtime", "mediaserver-events", "openai-insecure-api-key.sk-local")
    async with house(CONFIG) as client, line(client, headers={}, protocols=offered) as call:
        assert (await call.until("hello"))["call_id"].startswith("rtc_")
        assert call.wire.protocol == "realtime"
        await call.say(type="ping", t0=5)
        assert (await call.until("pong"))["t0"] == 5


@pytest.mark.parametrize("path", ["/openai/v1/realtime?model=echo", "/openai/realtime?api-version=1&deployment=echo"])
async def test_azures_addresses(path: str) -> None:
    async with house(ECHO) as client, line(client, path, headers={"api-key": "sk-local"}) as call:
        assert (await call.until("session.created"))["session"]["model"] == "echo"


@pytest.mark.parametrize(
    ("path", "how", "status", "code"),
    [
        ("/v1/realtime", {"headers": {}}, 401, "missing_api_key"),
        ("/v1/realtime", {"headers": {"Authorization": "Bearer no"}}, 401, "invalid_api_key"),
        ("/v1/realtime", {"headers": KEY | {"api-key": "sk-local"}}, 401, "missing_api_key"),
        ("/v1/realtime", {"headers": {"Authorization": "Bearer sk-watch"}}, 403, "missing_scope"),
        ("/v1/realtime", {"headers": KEY | {"Origin": "https://evil.example"}}, 403, "origin_not_allowed"),
        ("/v1/realtime", {"headers": KEY | {"Origin": "null"}}, 403, "origin_not_allowed"),
        ("/v1/realtime?model=other", {"headers": {"Authorization": "Bearer sk-shop"}}, 403, "model_not_allowed"),
        ("/v1/realtime?model=none", {}, 404, "model_not_found"),
        ("/v1/realtime?call_id=rtc_none", {}, 404, "call_not_found"),
        ("/v1/realtime?intent=translation", {}, 400, "invalid_value"),
        ("/v1/realtime", {"protocols": ("openai-insecure-api-key.sk-local",)}, 400, "invalid_subprotocol"),
    ],
)
async def test_who_may_not_is_refused_before_the_upgrade(
    path: str, how: dict[str, Any], status: int, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with house(CONFIG) as client:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with line(client, path, **how):
                pass
        assert refused.value.status == status
        headers = dict(how.get("headers", KEY))
        offered = {"Sec-WebSocket-Protocol": ", ".join(how["protocols"])} if "protocols" in how else {}
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                   "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}  # fmt: skip
        answer = await client.get(path, headers=headers | offered | upgrade)
        assert (await answer.json())["error"]["code"] == code
        assert "sk-local" not in caplog.text and "sk-local" not in await answer.text()
        assert not client.app[DOOR].calls


async def test_a_plain_request_is_told_what_this_is() -> None:
    async with house(ECHO) as client:
        answer = await client.get("/v1/realtime?model=echo", headers=KEY)
        assert (answer.status, (await answer.json())["error"]["code"]) == (400, "websocket_required")


async def test_a_full_house_says_so_and_when_to_come_again() -> None:
    config = Config(models=MODELS, default_model="echo", media=LOOPBACK, sessions=Sessions(max=1))
    async with house(config) as client, line(client) as call:
        await call.until("session.created")
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with line(client):
                pass
        assert refused.value.status == 503 and refused.value.headers is not None
        assert int(refused.value.headers["Retry-After"]) > 0


async def hangs(client: House, send: Any) -> tuple[int | None, str]:
    async with line(client) as call:
        await call.until("session.created")
        await send(call.wire)
        return await call.closed()


@pytest.mark.parametrize(
    ("send", "end"),
    [
        (lambda wire: wire.send_bytes(b"\0\1"), (1003, "bad_request")),
        (lambda wire: wire.send_str('{"type": "x", "pad": "' + "x" * (1 << 20) + '"}'), (1009, "too_large")),
        (lambda wire: wire.send_frame(b"\xff\xfe", aiohttp.WSMsgType.TEXT), (1007, "")),
    ],
    ids=["binary", "long", "no utf-8"],
)
async def test_garbage_ends_this_call_with_its_code(send: Any, end: tuple[int, str]) -> None:
    async with house(ECHO) as client, line(client) as other:
        await other.until("session.created")
        assert await hangs(client, send) == end
        await other.say(type="input_audio_buffer.nonsense", event_id="mine")
        assert (await other.until("error"))["error"]["event_id"] == "mine"


async def test_what_is_too_long_to_be_read_ends_the_call() -> None:
    async with house(ECHO) as client, line(client) as call:
        await call.until("session.created")
        with contextlib.suppress(ConnectionError):  # it is cut off while it still sends
            await call.wire.send_str("x" * (16 << 20))
        await call.closed()
        async with asyncio.timeout(20):
            while client.app[DOOR].house.sessions.list():  # type: ignore[union-attr]
                await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "NaN",
        '{"type": NaN}',
        '{"type": "x", "type": "y"}',
        "[" * 100_000,
        '{"type": ' + "1" * 100_000 + "}",
        '{"type": "input_audio_buffer.append", "audio": "\\ud800"}',
        '{"type": "input_audio_buffer.append", "audio": "????"}',
        '{"type": "input_audio_buffer.append", "audio": 5}',
        '{"type": "input_audio_buffer.append"}',
        '{"type": "input_audio_buffer.append", "audio": "AAAA", "colour": "red"}',
        '{"type": "session.update", "session": {"modalities": ["audio"]}}',
    ],
)
async def test_what_cannot_be_read_is_an_error_and_the_call_goes_on(text: str) -> None:
    async with house(ECHO) as client, line(client) as call:
        await call.until("session.created")
        await call.wire.send_str(text)
        check_event(await call.until("error"))
        await call.append(tone(100, 24000))
        await call.until("response.output_audio.delta")


async def test_odd_and_empty_sound_is_heard_as_far_as_it_goes() -> None:
    async with house(ECHO) as client, line(client) as call:
        await call.until("session.created")
        for piece in (b"", b"\1", tone(100, 24000)[1:], b"\2"):
            await call.append(piece)
        await call.until("response.output_audio.delta")
        assert not call.all("error")


async def test_a_minute_of_sound_in_one_event() -> None:
    async with house(ECHO) as client, line(client) as call:
        await call.until("session.created")
        await call.append(tone(60_000, 24000))
        assert await call.heard(60 * 48000) == tone(60_000, 24000)


@pytest.mark.parametrize("name", ["audio/pcmu", "audio/pcma"])
async def test_telephone_sound(name: str) -> None:
    async with house(ECHO) as client, line(client) as call:
        form = {"format": {"type": name}}
        session = {"type": "realtime", "audio": {"input": form, "output": form}}
        await call.say(type="session.update", session=session)
        assert (await call.until("session.updated"))["session"]["audio"]["input"]["format"] == {"type": name}
        await call.append(b"\x55" * 8000)
        assert 7800 <= len(await call.heard(7800)) <= 8000


async def test_the_call_is_one_like_any_other_and_can_be_hung_up() -> None:
    async with house(ECHO) as client, line(client) as call:
        await call.until("session.created")
        [session] = client.app[DOOR].house.sessions.list()  # type: ignore[union-attr]
        assert (await client.post(f"/v1/realtime/calls/{session.caller.id}", headers=KEY, data="x")).status == 415
        over = await client.post(f"/v1/realtime/calls/{session.caller.id}/hangup", headers=KEY)
        assert over.status == 200
        assert await call.closed() == (1000, "client_closed")


async def test_the_server_says_goodbye_when_it_stops() -> None:
    async with house(ECHO) as client, line(client) as call:
        await call.until("session.created")
        stopping = asyncio.ensure_future(client.server.close())
        assert await call.closed() == (1001, "server_shutdown")
        await stopping


async def test_a_session_that_expires_says_so() -> None:
    config = Config(models=MODELS, default_model="echo", media=LOOPBACK, sessions=Sessions(max_duration_s=1.0))
    async with house(config) as client, line(client) as call:
        assert await call.closed() == (1001, "max_duration")
        assert call.all("error")[0]["error"]["code"] == "session_expired"
