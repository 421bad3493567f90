import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mediaserver.config import Config, Key, Media, Model, Secret
from mediaserver.conversation.session import Session
from signaling.door import DOOR
from tests.conformance.openai_types import check_event
from tests.fakes.caller import tone
from tests.signaling.houses import House, house, phone
from tests.signaling.sockets import Line, line

OWNER = {"Authorization": "Bearer sk-owner"}
LOOPBACK = Media(port=0, addresses=("127.0.0.1",))
ALL = ("calls:create", "calls:control", "calls:listen", "calls:whisper", "calls:takeover")
CONFIG = Config(
    models={"echo": Model(bridge="echo")},
    default_model="echo",
    media=LOOPBACK,
    keys=(Key(name="owner", key=Secret("sk-owner"), scopes=ALL),),
)
NARROW = Config(
    models={"echo": Model(bridge="echo")},
    default_model="echo",
    media=LOOPBACK,
    keys=(Key(name="owner", key=Secret("sk-owner")),),
)


def the_session(client: House) -> Session:
    [session] = client.app[DOOR].house.sessions.list()  # type: ignore[union-attr]
    return session


@asynccontextmanager
async def beside(client: House, headers: dict[str, str] = OWNER) -> AsyncIterator[Line]:
    """A second controller on the one call there is."""
    async with line(client, f"/v1/realtime?call_id={the_session(client).caller.id}", headers=headers) as side:
        await side.until("session.created")
        yield side


async def test_both_are_told_the_same_and_each_only_of_its_own_mistakes() -> None:
    async with house(CONFIG) as client, line(client, headers=OWNER) as call:
        first = await call.until("session.created")
        async with beside(client) as side:
            assert side.all("session.created")[0]["session"]["id"] == first["session"]["id"]
            await side.say(type="session.update", session={"instructions": "from beside"}, event_id="mine")
            for one in (call, side):
                assert (await one.until("session.updated"))["session"]["instructions"] == "from beside"
            await side.say(type="nonsense", event_id="wrong")
            assert (await side.until("error"))["error"]["event_id"] == "wrong"
            await call.say(type="session.update", session={"instructions": "from the call"})
            assert (await side.until("session.updated", 2))["session"]["instructions"] == "from the call"
            await call.until("session.updated", 2)
            assert not call.all("error")
            for event in side.events:
                check_event(event)


async def test_the_call_outlives_the_socket_and_not_the_other_way_round() -> None:
    async with house(CONFIG) as client, line(client, headers=OWNER) as call:
        await call.until("session.created")
        async with beside(client):
            pass
        await call.say(type="session.update", session={"instructions": "x"})
        await call.until("session.updated")
        async with beside(client) as side:
            await call.wire.close()
            assert (await side.closed())[0] == 1000


async def test_it_listens_in() -> None:
    async with house(CONFIG) as client, line(client, headers=OWNER) as call:
        await call.until("session.created")
        async with beside(client) as side:
            await side.say(type="supervisor.listen", enabled=True)
            assert (await side.until("supervisor.state"))["listening"] is True
            await call.append(tone(200, 24000))
            for track in ("caller", "model"):
                sound = await overheard(side, track, 9000)
                assert sound == tone(200, 24000)[: len(sound)]
            await side.say(type="supervisor.listen", enabled=False)
            assert (await side.until("supervisor.state", 2))["listening"] is False
            assert not side.all("response.output_audio.delta")


async def overheard(side: Line, track: str, size: int) -> bytes:
    async with asyncio.timeout(20):
        while True:
            heard = [event for event in side.all("supervisor.audio.delta") if event["track"] == track]
            sound = b"".join(base64.b64decode(event["audio"]) for event in heard)
            if len(sound) >= size:
                return sound
            await side.until("supervisor.audio.delta", len(side.all("supervisor.audio.delta")) + 1)


async def test_it_takes_over_speaks_and_hands_back() -> None:
    async with house(CONFIG) as client, line(client, headers=OWNER) as call:
        await call.until("session.created")
        async with beside(client) as side:
            await side.append(tone(100, 24000))
            assert (await side.until("error"))["error"]["code"] == "unsupported_over_sideband"
            await side.say(type="supervisor.hand_back", event_id="early")
            assert (await side.until("error", 2))["error"]["event_id"] == "early"
            await side.say(type="supervisor.take_over")
            assert (await side.until("supervisor.state"))["taken_over"] is True
            await side.say(type="input_audio_buffer.append", audio="AAA", event_id="torn")
            assert (await side.until("error", 3))["error"]["event_id"] == "torn"
            await side.append(tone(500, 24000))
            assert (await call.heard(20_000))[:20_000] == tone(500, 24000)[:20_000]
            await side.say(type="supervisor.hand_back")
            assert (await side.until("supervisor.state", 2))["taken_over"] is False
            kinds = [entry["kind"] for entry in the_session(client).record.entries()]
            assert {"controller_joined", "taken_over", "handed_back"} <= set(kinds)


@pytest.mark.parametrize(
    ("event", "scope"),
    [
        ({"type": "supervisor.listen", "enabled": True}, "calls:listen"),
        ({"type": "supervisor.whisper", "text": "x"}, "calls:whisper"),
        ({"type": "supervisor.take_over"}, "calls:takeover"),
        ({"type": "supervisor.hand_back"}, "calls:takeover"),
    ],
)
async def test_each_part_needs_its_scope(event: dict[str, Any], scope: str) -> None:
    async with house(NARROW) as client, line(client, headers=OWNER) as call:
        await call.until("session.created")
        async with beside(client) as side:
            await side.say(**event, event_id="mine")
            error = (await side.until("error"))["error"]
            assert (error["code"], error["event_id"]) == ("missing_scope", "mine") and scope in error["message"]
            assert not side.all("supervisor.state")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"type": "supervisor.listen"}', "missing_required_parameter"),
        ('{"type": "supervisor.listen", "enabled": 1}', "invalid_type"),
        ('{"type": "supervisor.whisper", "text": ""}', "invalid_value"),
        ('{"type": "supervisor.whisper", "text": "x", "to": "y"}', "unknown_parameter"),
        ('{"type": "supervisor.promote"}', "invalid_value"),
        ('{"type": "supervisor.listen", ', "invalid_json"),
    ],
)
async def test_what_a_supervisor_cannot_say(text: str, code: str) -> None:
    async with house(CONFIG) as client, line(client, headers=OWNER) as call:
        await call.until("session.created")
        async with beside(client) as side:
            await side.wire.send_str(text)
            assert (await side.until("error"))["error"]["code"] == code
            await side.wire.send_bytes(b"x")
            assert await side.closed() == (1003, "bad_request")


async def test_a_webrtc_call_is_joined_too() -> None:
    async with (
        house(Config(media=LOOPBACK, models=CONFIG.models, default_model="echo")) as client,
        phone(client) as call,
    ):
        place = call.place.rpartition("/")[2]
        async with line(client, f"/v1/realtime?call_id={place}") as side:
            await side.until("session.created")
            await side.say(type="session.update", session={"instructions": "from beside"})
            assert (await call.until("session.updated"))["session"]["instructions"] == "from beside"
            await side.append(tone(100, 24000))
            assert (await side.until("error"))["error"]["code"] == "unsupported_over_sideband"


@pytest.mark.engines
async def test_it_whispers_and_the_model_answers_what_it_heard() -> None:
    config = Config(models={"local": Model()}, media=LOOPBACK, keys=CONFIG.keys)
    async with house(config) as client, line(client, "/v1/realtime?model=local", headers=OWNER) as call:
        await call.until("session.created")
        async with beside(client) as side:
            await side.say(type="supervisor.whisper", text="Say that the kitchen is closed.", respond=True)
            await side.until("supervisor.state")
            item = (await call.until("conversation.item.added"))["item"]
            assert item["role"] == "system"
            assert (await call.until("response.done"))["response"]["status"] == "completed"
            kinds = [entry["kind"] for entry in the_session(client).record.entries()]
            assert "whispered" in kinds
            await side.say(type="conversation.item.retrieve", item_id="none", event_id="wrong")
            assert (await side.until("error"))["error"]["event_id"] == "wrong"
            assert not call.all("error")
