"""Requests about what another worker has: passed on once, with who asked; gone when that worker is."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mediaserver.cluster.names import owner
from signaling import forward
from signaling.door import DOOR
from signaling.private import CLIENT
from signaling.whip import FRAGMENT
from tests.rtc import offers
from tests.signaling.doors import KEY, SDP
from tests.signaling.houses import House
from tests.signaling.pair import SHOP, Worker, pair
from tests.signaling.sockets import line

OFFER = offers.chrome()
CALLS = "/v1/realtime/calls"


async def made(client: House, key: dict[str, str] = SHOP) -> str:
    """Make a call by hand and return its id."""
    answer = await client.post(CALLS, headers=key | SDP, data=OFFER)
    assert answer.status == 201, await answer.text()
    return answer.headers["Location"].rpartition("/")[2]


async def refusal(answer: Any) -> tuple[int, str]:
    return answer.status, (await answer.json())["error"]["code"]


@asynccontextmanager
async def over_unix(worker: Worker) -> AsyncIterator[aiohttp.ClientSession]:
    """Ask a worker on its private socket, as only its neighbours can."""
    connector = aiohttp.UnixConnector(worker.place.socket(worker.place.number))
    async with aiohttp.ClientSession("http://localhost", connector=connector) as client:
        yield client


async def test_a_call_is_reached_through_either() -> None:
    async with pair() as (zero, one):
        call_id = await made(one.client)
        assert owner(call_id) == 1
        path = f"{CALLS}/{call_id}"
        for worker in (zero, one):
            answer = await worker.client.get(path, headers=SHOP)
            assert answer.status == 200 and (await answer.json())["id"] == call_id
            assert await refusal(await worker.client.get(path, headers=KEY)) == (404, "call_not_found")
            assert (await worker.client.post(path, headers=SHOP | SDP, data=OFFER)).status == 200
        assert (await zero.client.post(f"{path}/hangup", headers=SHOP)).status == 200
        assert (await (await zero.client.get(path, headers=SHOP)).json())["state"] == "ended"


async def test_what_is_said_and_answered_goes_through_whole() -> None:
    async with pair() as (zero, one):
        path = f"{CALLS}/{await made(one.client)}/reject?a=%2Fb&a=c"
        for body, expected in (
            ({"status_code": 1}, (400, "invalid_value")),
            ({}, (400, "unsupported_call_type")),
            ({"x": "y" * 600_000}, (413, "too_large")),
        ):
            answers = [await worker.client.post(path, headers=SHOP, json=body) for worker in (zero, one)]
            assert [await refusal(answer) for answer in answers] == [expected] * 2


async def test_whip_and_pipecat_go_on_through_either() -> None:
    async with pair() as (zero, one):
        sendonly = OFFER.replace("a=sendrecv", "a=sendonly")
        published = await one.client.post("/whip", headers=SHOP | SDP, data=sendonly)
        place, etag = published.headers["Location"], published.headers["ETag"]
        assert (await zero.client.get(place, headers=SHOP)).status == 204
        restart = (
            "a=ice-ufrag:next\r\na=ice-pwd:client+password+0123456789\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
        )
        headers = SHOP | {"Content-Type": FRAGMENT, "If-Match": "*"}
        again = await zero.client.patch(place, headers=headers, data=restart)
        assert again.status == 200 and again.headers["ETag"] != etag and again.content_type == FRAGMENT
        assert (await zero.client.delete(place, headers=SHOP)).status == 200
        assert (await one.client.get(place, headers=SHOP)).status == 404

        said = await (await one.client.post("/api/offer", headers=SHOP, json={"sdp": OFFER})).json()
        trickled = {"pc_id": said["pc_id"], "candidates": []}
        for worker in (zero, one):
            assert (await worker.client.patch("/api/offer", headers=SHOP, json=trickled)).status == 200
        again = await zero.client.post("/api/offer", headers=SHOP, json={"sdp": OFFER, "pc_id": said["pc_id"]})
        assert (await again.json())["pc_id"] == said["pc_id"]
        for body in (b"", b"{", b"[]", b'{"pc_id": 7}', b"\xff", b'{"pc_id": "w1_"}'):
            assert (await zero.client.patch("/api/offer", headers=SHOP, data=body)).status in (400, 404)


async def test_what_many_calls_may_follow_from_goes_round() -> None:
    async with pair() as (zero, one):
        bodies: tuple[tuple[str, Any], ...] = (("/start", "sessionId"), ("/v1/realtime/client_secrets", "value"))
        for path, name in bodies:
            names = [(await (await zero.client.post(path, headers=SHOP, json={})).json())[name] for _ in range(4)]
            assert [owner(each) for each in names] in ([0, 1, 0, 1], [1, 0, 1, 0])
        started = (await (await zero.client.post("/start", headers=SHOP, json={})).json())["sessionId"]
        for worker in (zero, one):
            path = f"/sessions/{started}/api/offer"
            said = await (await worker.client.post(path, headers=SHOP, json={"sdp": OFFER})).json()
            assert owner(said["pc_id"]) == owner(started)
            trickled = {"pc_id": said["pc_id"], "candidates": []}
            assert (await worker.client.patch(path, headers=SHOP, json=trickled)).status == 200
        await one.dies()
        for _ in range(2):
            answer = await zero.client.post("/start", headers=SHOP, json={"body": {"model": "echo"}})
            assert owner((await answer.json())["sessionId"]) == 0


async def test_a_client_secret_holds_through_both_and_is_counted_once() -> None:
    async with pair() as (zero, one):
        body = {"restrict": {"max_uses": 2}}
        minted = await (await zero.client.post("/v1/realtime/client_secrets", headers=SHOP, json=body)).json()
        secret = {"Authorization": f"Bearer {minted['value']}"}
        calls = [await made(worker.client, secret) for worker in (zero, one)]
        assert {owner(call_id) for call_id in calls} == {owner(minted["value"])}
        for worker in (zero, one):
            for call_id in calls:
                assert (await worker.client.get(f"{CALLS}/{call_id}", headers=secret)).status == 200
            answer = await worker.client.post(CALLS, headers=secret | SDP, data=OFFER)
            assert await refusal(answer) == (401, "secret_used_up")
            forged = {"Authorization": f"Bearer ek_w{1 - owner(minted['value'])}_{minted['value'][6:]}"}  # type: ignore[operator]
            assert (await worker.client.post(CALLS, headers=forged | SDP, data=OFFER)).status == 401


async def test_a_worker_that_is_gone_has_taken_everything_with_it() -> None:
    async with pair() as (zero, one):
        call_id = await made(one.client)
        await one.dies()
        assert await refusal(await zero.client.get(f"{CALLS}/{call_id}", headers=SHOP)) == (404, "call_not_found")
        secret = {"Authorization": "Bearer ek_w1_x"}
        answer = await zero.client.post(CALLS, headers=secret | SDP, data=OFFER)
        assert await refusal(answer) == (401, "invalid_api_key") and "WWW-Authenticate" in answer.headers
        answer = await zero.client.post("/sessions/w1_x/api/offer", headers=SHOP, json={"sdp": OFFER})
        assert await refusal(answer) == (404, "session_not_found")
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await zero.client.ws_connect(f"/v1/realtime?call_id={call_id}", headers=SHOP)
        assert refused.value.status == 404
        Path(one.place.socket(1)).unlink(missing_ok=True)
        assert await refusal(await zero.client.get(f"{CALLS}/{call_id}", headers=SHOP)) == (404, "call_not_found")


async def test_a_worker_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "ANSWER_S", 0.2)
    async with pair() as (zero, one):
        await one.dies()
        path = Path(one.place.socket(1))
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as deaf:
            deaf.bind(str(path))
            deaf.listen()
            answer = await zero.client.get(f"{CALLS}/rtc_w1_x", headers=SHOP)
            assert await refusal(answer) == (503, "worker_unreachable") and "Retry-After" in answer.headers


async def test_nobody_passes_on_twice_and_no_worker_is_not_looked_for() -> None:
    async with pair() as (zero, one):
        call_id = await made(one.client)
        async with over_unix(zero) as neighbour:
            answer = await neighbour.get(f"{CALLS}/{call_id}", headers=SHOP)
            assert await refusal(answer) == (404, "call_not_found")
        for name in ("rtc_w2_x", "rtc_w999_x", "rtc_x"):
            assert (await zero.client.get(f"{CALLS}/{name}", headers=SHOP)).status == 404


async def test_who_asked_is_known_behind_the_socket_and_nobody_else_can_say_so() -> None:
    async with pair() as (zero, one):
        path = f"{CALLS}/{await made(one.client, KEY)}"
        assert (await zero.client.get(path, headers=KEY)).status == 200  # the development key: from this machine only
        async with over_unix(one) as neighbour:
            for address, status in (("127.0.0.1", 200), ("192.0.2.1", 401), ("", 401)):
                assert (await neighbour.get(path, headers=KEY | {CLIENT: address})).status == status
            assert (await neighbour.get(path, headers=KEY)).status == 401
        told = KEY | {CLIENT: "192.0.2.1"}
        for worker in (zero, one):  # a stranger's header is not even looked at
            assert (await worker.client.get(path, headers=told)).status == 200
            assert (await worker.client.get(path, headers=told | {"X-Forwarded-For": "192.0.2.1"})).status == 401


async def test_a_page_of_another_origin_is_answered_the_same() -> None:
    async with pair() as (zero, one):
        path = f"{CALLS}/{await made(one.client)}"
        headers = SHOP | {"Origin": "http://localhost:5173"}
        answers = [await worker.client.get(path, headers=headers) for worker in (zero, one)]
        kept = [sorted((k, v) for k, v in a.headers.items() if k not in ("Date", "Content-Length")) for a in answers]
        assert kept[0] == kept[1]


async def test_a_sideband_goes_through() -> None:
    async with pair() as (zero, one), line(one.client, headers=SHOP) as call:
        session = (await call.until("session.created"))["session"]["id"]
        call_id = next(iter(calls_of(one)))
        async with line(zero.client, f"/v1/realtime?call_id={call_id}", headers=SHOP) as side:
            assert (await side.until("session.created"))["session"]["id"] == session
            await side.say(type="session.update", session={"type": "realtime", "instructions": "from beside"})
            assert (await call.until("session.updated"))["session"]["instructions"] == "from beside"
            await side.say(type="nonsense", event_id="mine")
            assert (await side.until("error"))["error"]["event_id"] == "mine"
            await call.wire.close()
            assert await side.closed() == (1000, "call_ended")


async def test_a_socket_that_is_refused_is_refused_before_the_upgrade() -> None:
    async with pair() as (zero, one), line(one.client, headers=SHOP) as call:
        await call.until("session.created")
        path = f"/v1/realtime?call_id={next(iter(calls_of(one)))}"
        cases: tuple[tuple[dict[str, Any], int], ...] = (
            ({"headers": KEY}, 404),
            ({"headers": {"Authorization": "Bearer no"}}, 401),
            ({"headers": SHOP | {"Origin": "https://evil.example"}}, 403),
            ({"headers": SHOP, "protocols": ("other",)}, 400),
            ({"protocols": ("realtime", "openai-insecure-api-key.no")}, 401),
        )
        for how, status in cases:
            for worker in (zero, one):
                with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                    await worker.client.ws_connect(path, **how)
                assert refused.value.status == status, how
        assert await refusal(await zero.client.get(path, headers=SHOP)) == (400, "websocket_required")
        async with line(
            zero.client, path, protocols=("realtime", "openai-insecure-api-key.sk-shop"), headers={}
        ) as side:
            assert side.wire.protocol == "realtime"
            await side.until("session.created")


async def test_a_call_of_a_secret_may_come_over_a_socket_of_either() -> None:
    async with pair() as (zero, one):
        minted = await (await zero.client.post("/v1/realtime/client_secrets", headers=SHOP, json={})).json()
        secret = {"Authorization": f"Bearer {minted['value']}"}
        for worker in (zero, one):
            async with line(worker.client, headers=secret) as call:
                await call.until("session.created")
                await call.append(bytes(48_000))
                await call.say(type="session.update", session={"type": "realtime", "instructions": "x"})
                await call.until("session.updated")
            async with asyncio.timeout(5):
                while calls_of(zero) or calls_of(one):
                    await asyncio.sleep(0.01)


def calls_of(worker: Worker) -> list[str]:
    """Return the ids of the calls that a worker has."""
    house = worker.client.app[DOOR].house  # type: ignore[union-attr]
    assert house is not None
    return [session.caller.id for session in house.sessions.list()]
