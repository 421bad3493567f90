import json
from typing import Any

import aiohttp
import pytest

from mediaserver.config import Config, Key, Model, Secret, Turns
from mediaserver.errors import BadRequest, Overloaded
from tests.signaling.doors import ANSWER, KEY, OFFER, SDP, door

SHOP = {"Authorization": "Bearer sk-shop"}
CONFIG = Config(
    models={"local": Model(instructions="Be kind."), "echo": Model(bridge="echo"), "gpt-realtime": Model()},
    keys=(
        Key(name="shop", key=Secret("sk-shop"), models=("local",)),
        Key(name="opener", key=Secret("sk-open"), scopes=("calls:create",)),
    ),
)


async def test_an_offer_becomes_a_call() -> None:
    async with door() as at:
        answer = await at.call(path="/v1/realtime/calls?model=echo")
        assert answer.status == 201 and await answer.text() == ANSWER
        assert answer.content_type == "application/sdp"
        [peer] = at.port.peers
        assert answer.headers["Location"] == f"/v1/realtime/calls/{peer.id}" and peer.id.startswith("rtc_")
        assert at.sessions.running[peer.id].settings.model == "echo"
        assert at.port.offers == [OFFER]


@pytest.mark.parametrize("typed", [True, False])
@pytest.mark.parametrize("named", [True, False])
async def test_the_multipart_form_in_every_spelling(typed: bool, named: bool) -> None:
    session = {
        "type": "realtime",
        "model": "gpt-realtime",
        "instructions": "x",
        "audio": {"output": {"voice": "marin"}},
    }
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value, kind in (("sdp", OFFER, "application/sdp"), ("session", json.dumps(session), "application/json")):
        content: Any = value.encode() if named else value
        form.add_field(name, content, content_type=kind if typed else None, filename=name if named else None)
    async with door(CONFIG) as at:
        answer = await at.call(data=form, headers=KEY)
        assert answer.status == 201, await answer.text()
        [session_made] = at.sessions.running.values()
        settings = session_made.settings
        assert (settings.model, settings.instructions, settings.voice) == ("gpt-realtime", "x", "marin")
        assert at.port.offers == [OFFER]


async def test_json_and_a_form_without_a_session() -> None:
    form = aiohttp.FormData(default_to_multipart=True)
    form.add_field("sdp", OFFER)
    async with door(CONFIG) as at:
        assert (await at.call(data=form, headers=KEY)).status == 201
        answer = await at.call(data=None, headers=KEY, json={"sdp": OFFER, "session": {"instructions": "y"}})
        assert answer.status == 201
        made = [session.settings for session in at.sessions.running.values()]
        assert [settings.instructions for settings in made] == ["Be kind.", "y"]
        assert made[0].model == "local" and made[0].voice == "en"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"headers": SDP}, 401, "missing_api_key"),
        ({"headers": SDP | {"Authorization": "Bearer nobody"}}, 401, "invalid_api_key"),
        ({"headers": SDP | {"Authorization": "Basic sk-local"}}, 401, "missing_api_key"),
        ({"headers": KEY | {"Content-Type": "text/plain"}}, 415, "unsupported_media_type"),
        ({"headers": KEY | {"Content-Type": "application/x-www-form-urlencoded"}}, 415, "unsupported_media_type"),
        ({"path": "/v1/realtime/calls?model=none"}, 404, "model_not_found"),
        ({"data": ""}, 400, "missing_required_parameter"),
        ({"data": b"\xff\xfe"}, 400, "invalid_request"),
        ({"data": "x" * 70_000}, 413, "too_large"),
        ({"data": "x" * 600_000}, 413, "too_large"),
        ({"data": "{", "headers": KEY | {"Content-Type": "application/json"}}, 400, "invalid_json"),
        ({"data": "{}", "headers": KEY | {"Content-Type": "application/json"}}, 400, "missing_required_parameter"),
        ({"data": "x", "headers": KEY | {"Content-Type": "multipart/form-data; boundary=b"}}, 400, "invalid_request"),
        ({"data": "x", "headers": KEY | {"Content-Type": "multipart/form-data"}}, 400, "invalid_request"),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_refused_in_the_contracts_shape(change: dict[str, Any], status: int, code: str) -> None:
    async with door() as at:
        answer = await at.call(**change)
        error = (await answer.json())["error"]
        assert (answer.status, error["code"]) == (status, code), error
        assert set(error) == {"message", "type", "code", "param"} and error["type"] == "invalid_request_error"
        assert not at.port.peers


@pytest.mark.parametrize(
    ("session", "param"),
    [
        ({"typo": 1}, "session.typo"),
        ({"type": "translation"}, "session.type"),
        ({"audio": {"output": {"speed": 9}}}, "session.audio.output.speed"),
        ({"output_modalities": ["text", "audio"]}, "session.output_modalities"),
        ({"tools": [{"type": "mcp"}]}, "session.tools[0].server_label"),
        ({"tools": [{"type": "web_search"}]}, "session.tools[0].type"),
        ("text", "session"),
    ],
)
async def test_a_session_that_cannot_be_names_its_field(session: Any, param: str) -> None:
    async with door() as at:
        answer = await at.call(data=None, headers=KEY, json={"sdp": OFFER, "session": session})
        assert answer.status == 400 and (await answer.json())["error"]["param"] == param


async def test_a_bad_offer_a_full_house_and_a_stopping_one() -> None:
    async with door() as at:
        at.port.fails = BadRequest("no common codec", code="unsupported_codec", param="sdp")
        answer = await at.call()
        assert (answer.status, (await answer.json())["error"]["code"]) == (400, "unsupported_codec")
        at.sessions.full = Overloaded("the server is full", retry_after=7)
        answer = await at.call()
        assert (answer.status, answer.headers["Retry-After"]) == (503, "7")
        assert (await answer.json())["error"]["type"] == "server_error"
        at.door.accepting = False
        assert (await at.call()).status == 503


async def test_a_peer_whose_session_cannot_start_is_closed() -> None:
    async with door() as at:
        at.sessions.fails = Overloaded("the server is full")
        assert (await at.call()).status == 503
        assert at.port.peers[0].closed


async def test_a_call_is_renegotiated_and_hung_up_by_its_owner_only() -> None:
    async with door(CONFIG) as at:
        place = (await at.call()).headers["Location"]
        foreign = [await at.call(path=f"{place}{end}", headers=SHOP | SDP) for end in ("", "/hangup")]
        nowhere = await at.call(path="/v1/realtime/calls/rtc_0/hangup")
        assert {answer.status for answer in (*foreign, nowhere)} == {404}
        assert {await answer.text() for answer in foreign} == {await nowhere.text()}
        again = await at.call(path=place)
        assert again.status == 200 and (await again.text()).endswith("again")
        assert (await at.call(path=place, headers=KEY | {"Content-Type": "text/plain"})).status == 415
        over = await at.call(path=f"{place}/hangup", data=None)
        assert over.status == 200 and await over.text() == ""
        assert (await at.call(path=f"{place}/hangup")).status == 404


async def test_a_key_needs_the_scope_and_the_model() -> None:
    async with door(CONFIG) as at:
        assert (await at.call(path="/v1/realtime/calls?model=echo", headers=SHOP | SDP)).status == 403
        opener = {"Authorization": "Bearer sk-open"}
        place = (await at.call(headers=opener | SDP)).headers["Location"]
        answer = await at.call(path=f"{place}/hangup", headers=opener)
        assert (answer.status, (await answer.json())["error"]["code"]) == (403, "missing_scope")


async def test_turns_come_from_the_configuration() -> None:
    for turns, expected in ((Turns(detection="off"), None), (Turns(silence_duration_ms=700), 700)):
        async with door(Config(turns=turns)) as at:
            await at.call()
            [session] = at.sessions.running.values()
            detection = session.settings.turn_detection
            assert (detection and detection.silence_duration_ms) == expected
