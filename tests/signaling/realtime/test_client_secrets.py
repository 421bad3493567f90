from typing import Any

import aiohttp
import pytest
from openai.types.beta.realtime import SessionCreateResponse, TranscriptionSession
from openai.types.realtime import ClientSecretCreateResponse

from mediaserver.config import Config, Key, Media, Model, Secret
from signaling.door import DOOR
from tests.conformance.openai_types import check_session
from tests.signaling.doors import OFFER, SDP
from tests.signaling.houses import House, house
from tests.signaling.sockets import line

SHOP = {"Authorization": "Bearer sk-shop"}
CONFIG = Config(
    models={"echo": Model(bridge="echo"), "other": Model(bridge="echo", instructions="Be kind.", voice="en")},
    default_model="echo",
    media=Media(port=0, addresses=("127.0.0.1",)),
    keys=(
        Key(name="shop", key=Secret("sk-shop"), models=("echo", "other")),
        Key(name="rival", key=Secret("sk-rival")),
        Key(name="watcher", key=Secret("sk-watch"), scopes=("calls:control",)),
    ),
)
TOOL = {"type": "function", "name": "f"}


async def mint(client: House, headers: dict[str, str] = SHOP, **body: Any) -> dict[str, Any]:
    answer = await client.post("/v1/realtime/client_secrets", headers=headers, json=body)
    assert answer.status == 200, await answer.text()
    made: dict[str, Any] = await answer.json()
    ClientSecretCreateResponse.model_validate(made)
    return made


def bearer(made: dict[str, Any]) -> dict[str, Any]:
    return {"headers": {"Authorization": f"Bearer {made['value']}"}}


async def refused(client: House, path: str, **how: Any) -> int:
    with pytest.raises(aiohttp.WSServerHandshakeError) as error:
        async with line(client, path, **how):
            pass
    return error.value.status


async def test_a_secret_opens_the_session_that_was_baked_in() -> None:
    session = {"type": "realtime", "model": "other", "audio": {"output": {"voice": "de"}}, "tools": [TOOL]}
    async with house(CONFIG) as client:
        made = await mint(client, session=session)
        assert made["value"].startswith("ek_") and made["session"]["instructions"] == "Be kind."
        check_session(made["session"])
        for path in ("/v1/realtime", "/v1/realtime?model=other"):
            async with line(client, path, **bearer(made)) as call:
                created = (await call.until("session.created"))["session"]
                assert (created["model"], created["audio"]["output"]["voice"]) == ("other", "de")
                assert created["tools"][0]["name"] == "f"
        async with line(client, "/v1/realtime?model=echo", **bearer(made)) as call:
            assert (await call.until("session.created"))["session"]["model"] == "echo"


async def test_what_it_is_held_to_holds_on_every_door_and_in_every_update() -> None:
    restrict = {"models": ["other"], "voices": ["de", "fr"], "tools": ["f"], "max_duration_s": 30}
    async with house(CONFIG) as client:
        made = await mint(client, restrict=restrict)
        assert made["session"]["model"] == "other" and made["session"]["audio"]["output"]["voice"] == "de"
        assert await refused(client, "/v1/realtime?model=echo", **bearer(made)) == 403
        over_http = await client.post(
            "/v1/realtime/calls?model=echo", headers=bearer(made)["headers"] | SDP, data=OFFER
        )
        assert (over_http.status, (await over_http.json())["error"]["code"]) == (403, "model_not_allowed")
        async with line(client, "/v1/realtime", **bearer(made)) as call:
            await call.until("session.created")
            [session] = client.app[DOOR].house.sessions.list()  # type: ignore[union-attr]
            assert session.limits.max_duration_s == 30
            wrong: list[tuple[dict[str, Any], str]] = [
                ({"audio": {"output": {"voice": "en"}}}, "session.audio.output.voice"),
                ({"tools": [TOOL, TOOL | {"name": "g"}]}, "session.tools[1].name"),
                ({"model": "echo"}, "model"),
                ({"restrict": {}}, "session.restrict"),
                ({"max_duration_s": 9999}, "session.max_duration_s"),
            ]
            for count, (patch, param) in enumerate(wrong, 1):
                await call.say(type="session.update", session=patch)
                error = (await call.until("error", count))["error"]
                assert error["param"] in (param, f"session.{param}"), error
            await call.say(type="session.update", session={"audio": {"output": {"voice": "fr"}}, "tools": [TOOL]})
            assert (await call.until("session.updated"))["session"]["audio"]["output"]["voice"] == "fr"
            await call.say(type="response.create", response={"audio": {"output": {"voice": "en"}}})
            last = (await call.until("error", len(wrong) + 1))["error"]
            assert (last["code"], last["param"]) == ("voice_not_allowed", "response.audio.output.voice")


async def test_origins_and_uses() -> None:
    async with house(CONFIG) as client:
        made = await mint(client, restrict={"origins": ["http://localhost:3000"], "max_uses": 1})
        how = bearer(made)
        assert await refused(client, "/v1/realtime", **how) == 403
        at_home = {"headers": how["headers"] | {"Origin": "http://localhost:3000"}}
        async with line(client, "/v1/realtime", **at_home) as call:
            await call.until("session.created")
        assert await refused(client, "/v1/realtime", **at_home) == 401


async def test_a_secret_reaches_its_own_calls_and_its_parent_reaches_all_of_them() -> None:
    async with house(CONFIG) as client:
        mine, other = await mint(client), await mint(client)
        async with line(client, "/v1/realtime", **bearer(mine)) as call:
            await call.until("session.created")
            [session] = client.app[DOOR].house.sessions.list()  # type: ignore[union-attr]
            side = f"/v1/realtime?call_id={session.caller.id}"
            assert await refused(client, side, **bearer(other)) == 404
            assert await refused(client, side, headers={"Authorization": "Bearer sk-rival"}) == 404
            for how in (bearer(mine), {"headers": SHOP}):
                async with line(client, side, **how) as beside:
                    await beside.until("session.created")


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        ({}, {}, 401, "missing_api_key"),
        ({"Authorization": "Bearer sk-watch"}, {}, 403, "missing_scope"),
        (SHOP, {"restrict": {"models": ["secret-model"]}}, 403, "model_not_allowed"),
        (SHOP, {"session": {"model": "gpt"}}, 404, "model_not_found"),
        (SHOP, {"session": {"colour": "red"}}, 400, "unknown_parameter"),
        (SHOP, {"session": {"tools": [TOOL]}, "restrict": {"tools": []}}, 403, "tool_not_allowed"),
        (SHOP, {"session": {"audio": {"output": {"voice": "x"}}}, "restrict": {"voices": ["y"]}}, 403,
         "voice_not_allowed"),
        (SHOP, {"expires_after": {"seconds": 9}}, 400, "invalid_value"),
        (SHOP, {"expires_after": {"seconds": 7201}}, 400, "invalid_value"),
        (SHOP, {"expires_after": {"anchor": "later"}}, 400, "invalid_value"),
        (SHOP, {"restrict": {"max_cost": 1}}, 400, "unknown_parameter"),
        (SHOP, {"restrict": {"max_uses": 0}}, 400, "invalid_value"),
        (SHOP, {"price": 0}, 400, "unknown_parameter"),
    ],
)  # fmt: skip
async def test_what_cannot_be_made(headers: dict[str, str], body: Any, status: int, code: str) -> None:
    async with house(CONFIG) as client:
        answer = await client.post("/v1/realtime/client_secrets", headers=headers, json=body)
        assert (answer.status, (await answer.json())["error"]["code"]) == (status, code)


async def test_a_secret_makes_no_secret_and_nothing_else_than_json_is_read() -> None:
    async with house(CONFIG) as client:
        made = await mint(client)
        again = await client.post("/v1/realtime/client_secrets", headers=bearer(made)["headers"], json={})
        assert (again.status, (await again.json())["error"]["code"]) == (403, "missing_scope")
        plain = await client.post("/v1/realtime/client_secrets", headers=SHOP, data="x")
        assert plain.status == 415
        empty = await client.post("/v1/realtime/client_secrets", headers=SHOP)
        assert empty.status == 200
        wrong = await client.post("/v1/realtime/client_secrets", headers=SHOP | {"Content-Type": "application/json"},
                                  data="[")  # fmt: skip
        assert wrong.status == 400


async def test_a_transcription_session() -> None:
    heard = {"transcription": {"model": "whisper-1", "language": "en"}, "noise_reduction": {"type": "near_field"}}
    async with house(CONFIG) as client:
        made = await mint(client, session={"type": "transcription", "audio": {"input": heard}})
        assert made["session"]["object"] == "realtime.transcription_session"
        assert made["session"]["audio"]["input"]["transcription"]["language"] == "en"
        async with line(client, "/v1/realtime", **bearer(made)) as call:
            assert (await call.until("session.created"))["session"]["type"] == "transcription"


async def test_the_betas_endpoints_answer_in_its_shape() -> None:
    body = {
        "model": "other",
        "modalities": ["audio", "text"],
        "voice": "de",
        "input_audio_format": "g711_ulaw",
        "turn_detection": {"type": "server_vad", "silence_duration_ms": 200},
        "temperature": 0.7,
        "max_response_output_tokens": 100,
    }
    async with house(CONFIG) as client:
        answer = await client.post("/v1/realtime/sessions", headers=SHOP, json=body)
        made = await answer.json()
        assert answer.status == 200, made
        SessionCreateResponse.model_validate(made)
        assert made["client_secret"]["value"].startswith("ek_")
        assert {key: made[key] for key in body if key != "turn_detection"} == {
            key: value for key, value in body.items() if key != "turn_detection"
        }
        assert made["turn_detection"]["silence_duration_ms"] == 200
        how = {"headers": {"Authorization": f"Bearer {made['client_secret']['value']}"}}
        async with line(client, "/v1/realtime", **how) as call:
            session = (await call.until("session.created"))["session"]
            assert session["audio"]["input"]["format"] == {"type": "audio/pcmu"}
        written = await client.post("/v1/realtime/transcription_sessions", headers=SHOP, json={})
        TranscriptionSession.model_validate(await written.json())
        wrong = await client.post("/v1/realtime/sessions", headers=SHOP, json={"colour": 1})
        assert (wrong.status, (await wrong.json())["error"]["param"]) == (400, "colour")
