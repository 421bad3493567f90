from typing import Any

import pytest

from mediaserver.config import Config, Key, Media, Model, Secret
from signaling.door import DOOR
from tests.conformance.openai_types import check_session
from tests.signaling.doors import KEY
from tests.signaling.houses import house
from tests.signaling.sockets import line

CONFIG = Config(
    models={"echo": Model(bridge="echo")},
    default_model="echo",
    media=Media(port=0, addresses=("127.0.0.1",)),
    keys=(Key(name="rival", key=Secret("sk-rival")),),
)


async def test_how_a_call_is() -> None:
    async with house(CONFIG) as client, line(client) as call:
        created = await call.until("session.created")
        [session] = client.app[DOOR].house.sessions.list()  # type: ignore[union-attr]
        answer = await client.get(f"/v1/realtime/calls/{session.caller.id}", headers=KEY)
        shown = await answer.json()
        assert (shown["id"], shown["object"]) == (session.caller.id, "realtime.call")
        assert shown["session"]["id"] == created["session"]["id"] and shown["age_s"] >= 0
        assert shown["state"] == session.state
        assert shown["record"] and all("kind" in entry for entry in shown["record"])
        check_session(shown["session"])
        rival = await client.get(
            f"/v1/realtime/calls/{session.caller.id}", headers={"Authorization": "Bearer sk-rival"}
        )
        none = await client.get("/v1/realtime/calls/rtc_none", headers=KEY)
        assert (rival.status, none.status) == (404, 404)


async def test_what_became_of_a_call_can_be_read_for_a_while_after_its_end() -> None:
    async with house(CONFIG) as client:
        async with line(client) as call:
            await call.until("session.created")
            [session] = client.app[DOOR].house.sessions.list()  # type: ignore[union-attr]
            place = f"/v1/realtime/calls/{session.caller.id}"
            assert (await client.post(f"{place}/hangup", headers=KEY)).status == 200
        shown = await (await client.get(place, headers=KEY)).json()
        assert (shown["state"], shown["usage"]) == ("ended", [])
        assert shown["record"][-1]["kind"] == "ended"
        rival = await client.get(place, headers={"Authorization": "Bearer sk-rival"})
        assert rival.status == 404


@pytest.mark.parametrize(
    ("verb", "body", "status", "code"),
    [
        ("accept", {"type": "realtime", "model": "echo"}, 400, "unsupported_call_type"),
        ("accept", {"model": "echo"}, 400, "missing_required_parameter"),
        ("accept", {"type": "realtime", "colour": 1}, 400, "unknown_parameter"),
        ("reject", None, 400, "unsupported_call_type"),
        ("reject", {"status_code": 486}, 400, "unsupported_call_type"),
        ("reject", {"status_code": 200}, 400, "invalid_value"),
        ("refer", {"target_uri": "tel:+15550100"}, 400, "unsupported_call_type"),
        ("refer", {"target_uri": "https://evil.example"}, 400, "invalid_value"),
        ("refer", {}, 400, "missing_required_parameter"),
    ],
)
async def test_what_only_a_telephone_call_can_do(verb: str, body: Any, status: int, code: str) -> None:
    async with house(CONFIG) as client, line(client) as call:
        await call.until("session.created")
        [session] = client.app[DOOR].house.sessions.list()  # type: ignore[union-attr]
        place = f"/v1/realtime/calls/{session.caller.id}/{verb}"
        answer = await client.post(place, headers=KEY, json=body) if body else await client.post(place, headers=KEY)
        assert (answer.status, (await answer.json())["error"]["code"]) == (status, code)
        assert (await client.post(f"/v1/realtime/calls/rtc_none/{verb}", headers=KEY, json=body)).status == 404
        assert (await client.post(place, json=body)).status == 401
