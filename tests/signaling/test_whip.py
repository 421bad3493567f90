"""WHIP: the requests of RFC 9725, each refusal it names, and a whole publication by a stock aiortc client."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription

from mediaserver.config import Config, Key, Media, Model, Secret
from mediaserver.events import SessionUpdated
from mediaserver.settings import Settings
from signaling.door import DOOR
from signaling.whip import FRAGMENT, Silent
from tests.clips import RATE, clip
from tests.rtc import offers
from tests.signaling.doors import KEY, SDP
from tests.signaling.houses import House, house
from tests.signaling.sockets import line
from tests.signaling.test_app import Recording

OFFER = offers.chrome().replace("a=sendrecv", "a=sendonly")
PWD = "client+password+0123456789"
TRICKLE = f"a=ice-ufrag:clnt\r\na=ice-pwd:{PWD}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=end-of-candidates\r\n"
RESTART = TRICKLE.replace("clnt", "next")
ONLY_WRITE_DOWN = {"audio": {"input": {"turn_detection": {"create_response": False}}}}
SHOP = {"Authorization": "Bearer sk-shop"}
CONFIG = Config(
    models={"echo": Model(bridge="echo")},
    default_model="echo",
    media=Media(port=0, addresses=("127.0.0.1",)),
    keys=(Key(name="shop", key=Secret("sk-shop")),),
)


@dataclass
class Published:
    """A session that was published by hand: no media flows, the requests are what matters."""

    client: House
    answer: str
    place: str
    etag: str

    async def ask(self, method: str, body: str = "", key: Any = KEY, **headers: str) -> Any:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if method == "PATCH":
            given = {"Content-Type": FRAGMENT} | given
        return await self.client.request(method, self.place, headers=key | given, data=body)


@asynccontextmanager
async def published(query: str = "") -> AsyncIterator[Published]:
    async with house(CONFIG) as client:
        answer = await client.post(f"/whip{query}", headers=KEY | SDP, data=OFFER)
        assert answer.status == 201, await answer.text()
        assert answer.content_type == "application/sdp"
        yield Published(client, await answer.text(), answer.headers["Location"], answer.headers["ETag"])


async def code(answer: Any) -> tuple[int, str]:
    return answer.status, (await answer.json())["error"]["code"]


async def test_an_offer_is_answered_and_what_it_publishes_is_received_only() -> None:
    async with published("?model=echo") as at:
        assert re.fullmatch(r"/whip/rtc_\w+", at.place) and re.fullmatch(r'"\w+"', at.etag)
        assert "a=recvonly\r\n" in at.answer and "a=sendrecv" not in at.answer


@pytest.mark.parametrize(
    ("headers", "query", "body", "expected"),
    [
        (SDP, "", OFFER, (401, "missing_api_key")),
        (SDP | {"Authorization": "Bearer nobody"}, "", OFFER, (401, "invalid_api_key")),
        (KEY | {"Content-Type": "application/json"}, "", OFFER, (415, "unsupported_media_type")),
        (KEY | SDP, "?model=none", OFFER, (404, "model_not_found")),
        (KEY | SDP, "", "v=0\r\n", (400, "no_audio")),
        (KEY | SDP, "", offers.chrome().replace("a=sendrecv", "a=recvonly"), (400, "invalid_sdp")),
        (KEY | SDP, "", "x" * 70_000, (413, "too_large")),
    ],
)
async def test_what_cannot_be_published(headers: Any, query: str, body: str, expected: tuple[int, str]) -> None:
    async with house(CONFIG) as client:
        assert await code(await client.post(f"/whip{query}", headers=headers, data=body)) == expected


async def test_a_full_server_says_when_to_come_back() -> None:
    async with house(CONFIG) as client:
        client.server.app[DOOR].accepting = False  # type: ignore[union-attr]  # it is the application's test server
        answer = await client.post("/whip", headers=KEY | SDP, data=OFFER)
        assert answer.status == 503 and int(answer.headers["Retry-After"]) > 0


async def test_candidates_are_acknowledged() -> None:
    async with published() as at:
        answer = await at.ask("PATCH", TRICKLE, If_Match=at.etag)
        assert (answer.status, await answer.text(), "ETag" in answer.headers) == (204, "", False)
        assert (await at.ask("PATCH", TRICKLE, If_Match=f'"other", {at.etag}')).status == 204


async def test_new_credentials_restart_ice_and_the_old_name_of_the_session_is_void() -> None:
    async with published() as at:
        answer = await at.ask("PATCH", RESTART, If_Match="*")
        fragment, etag = await answer.text(), answer.headers["ETag"]
        assert (answer.status, answer.content_type) == (200, FRAGMENT)
        assert etag != at.etag and f"a=ice-ufrag:{etag.strip(chr(34))}\r\n" in fragment
        assert "a=candidate:" in fragment
        assert await code(await at.ask("PATCH", TRICKLE, If_Match=at.etag)) == (412, "precondition_failed")
        assert (await at.ask("PATCH", RESTART, If_Match=etag)).status == 204
        again = await at.ask("PATCH", RESTART, If_Match="*")
        assert (await again.text(), again.headers["ETag"]) == (fragment, etag)  # a repeated request restarts nothing


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (TRICKLE, {}, (428, "precondition_required")),
        (TRICKLE, {"If_Match": '"other"'}, (412, "precondition_failed")),
        (TRICKLE, {"If_Match": "*", "Content_Type": "application/sdp"}, (415, "unsupported_media_type")),
        ("a=mid:0", {"If_Match": "*"}, (400, "invalid_sdp")),
        ("x" * 20_000, {"If_Match": "*"}, (413, "too_large")),
    ],
)
async def test_fragments_that_are_refused(body: str, headers: dict[str, str], expected: tuple[int, str]) -> None:
    async with published() as at:
        assert await code(await at.ask("PATCH", body, **headers)) == expected


async def test_other_credentials_without_a_restart_and_a_body_that_is_no_text() -> None:
    async with published() as at:
        assert await code(await at.ask("PATCH", RESTART, If_Match=at.etag)) == (422, "unprocessable")
        headers = KEY | {"Content-Type": FRAGMENT, "If-Match": "*"}
        assert (await at.client.patch(at.place, headers=headers, data=b"\xff")).status == 400


async def test_a_session_is_ended_by_its_owner() -> None:
    async with published() as at:
        for method in ("GET", "PATCH", "DELETE"):
            assert (await at.ask(method, TRICKLE, key=SHOP, If_Match="*")).status == 404
            assert (await at.ask(method, TRICKLE, key={}, If_Match="*")).status == 401
        looked = await at.ask("GET")
        assert (looked.status, await looked.text()) == (204, "")
        assert (await at.ask("DELETE")).status == 200
        assert (await at.ask("DELETE")).status == 404


async def test_calls_of_other_doors_are_none_of_this_one() -> None:
    async with house(CONFIG) as client:
        answer = await client.post("/v1/realtime/calls", headers=KEY | SDP, data=offers.chrome())
        name = answer.headers["Location"].rsplit("/", 1)[1]
        assert (await client.delete(f"/whip/{name}", headers=KEY)).status == 404


async def test_what_may_be_posted_and_what_a_page_may_read() -> None:
    async with published() as at:
        for place in ("/whip", at.place):
            answer = await at.client.options(place)
            assert (answer.status, answer.headers["Accept-Post"]) == (200, "application/sdp")
        origin = {"Origin": "http://localhost:5173"}
        asked = origin | {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "if-match"}
        preflight = await at.client.options(at.place, headers=asked)
        allowed = preflight.headers["Access-Control-Allow-Methods"], preflight.headers["Access-Control-Allow-Headers"]
        assert "PATCH" in allowed[0] and "DELETE" in allowed[0] and "If-Match" in allowed[1]
        exposed = (await at.client.options("/whip", headers=origin)).headers["Access-Control-Expose-Headers"]
        assert {"Location", "ETag", "Link"} <= {name.strip() for name in exposed.split(",")}


def test_a_caller_that_only_speaks_is_told_nothing() -> None:
    silent = Silent(Settings("local"))
    sent: list[str] = []
    silent.opened("chat", sent.append)
    silent.received("chat", "hello")
    silent.closed("chat")
    silent.tell(SessionUpdated(Settings("local", instructions="x")))
    assert sent == [] and silent.effective().settings.instructions == "x"


@pytest.mark.engines
async def test_what_is_published_is_heard_and_answered_where_somebody_reads_along() -> None:
    async with house() as client:
        peer = RTCPeerConnection()
        try:
            peer.addTransceiver(Recording(bytes(RATE * 6) + clip("goforward").pcm), "sendonly")
            await peer.setLocalDescription(await peer.createOffer())
            answer = await client.post("/whip", headers=KEY | SDP, data=peer.localDescription.sdp)
            place = answer.headers["Location"]
            call_id = place.rsplit("/", 1)[1]
            async with line(client, f"/v1/realtime?call_id={call_id}") as reader:
                await peer.setRemoteDescription(RTCSessionDescription(await answer.text(), "answer"))
                said = await reader.until("conversation.item.input_audio_transcription.completed")
                assert said["transcript"]
                await reader.until("response.done")
                live = client.server.app[DOOR].house.sessions.get(call_id)  # type: ignore[union-attr]
                assert live.caller.stats["sent_packets"] == 0
                await reader.say(type="session.update", session=ONLY_WRITE_DOWN)
                turns = (await reader.until("session.updated"))["session"]["audio"]["input"]["turn_detection"]
                assert turns["create_response"] is False
                assert (await client.delete(place, headers=KEY)).status == 200
                await reader.closed()
        finally:
            await peer.close()
