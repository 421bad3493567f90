"""Pipecat's door: the requests as its transport makes them, refusals, and whole calls of a stock aiortc client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack

from mediaserver.config import Config, Key, Media, Model, Secret
from tests.signaling.doors import KEY, OFFER, Fixture, door
from tests.signaling.houses import LIMIT_S, House, house

SHOP = {"Authorization": "Bearer sk-shop"}
CONFIG = Config(
    models={"local": Model(instructions="Be kind."), "echo": Model(bridge="echo")},
    keys=(Key(name="shop", key=Secret("sk-shop"), models=("local",)),),
)
LOOPBACK = Media(port=0, addresses=("127.0.0.1",))


async def post(at: Fixture, path: str = "/api/offer", key: Any = KEY, method: str = "POST", **body: Any) -> Any:
    return await at.client.request(method, path, headers=key, json=body)


async def refusal(answer: Any) -> tuple[int, str, str | None]:
    error = (await answer.json())["error"]
    return answer.status, error["code"], error["param"]


# --- the door ---------------------------------------------------------------------------------------------------------


async def test_status_needs_no_key_and_says_what_may_be_started() -> None:
    async with door() as at:
        assert await (await at.client.get("/status")).json() == {"status": "ready", "transports": ["webrtc"]}
        at.door.accepting = False
        assert (await at.client.get("/status")).status == 503


async def test_a_session_is_started_and_its_offer_gets_what_was_asked_for() -> None:
    async with door(CONFIG) as at:
        wanted = {"model": "echo", "session": {"instructions": "Be brief."}, "anything": 1}
        started = await (await post(at, "/start", enableDefaultIceServers=True, body=wanted)).json()
        assert started["iceConfig"] == {"iceServers": []}
        path = f"/sessions/{started['sessionId']}/api/offer"
        answer = await post(at, path, sdp=OFFER, type="offer", pc_id=None, restart_pc=False)
        assert answer.status == 200
        [peer] = at.port.peers
        said = await answer.json()
        assert said["type"] == "answer" and said["pc_id"] == peer.id and said["sdp"]
        settings = at.sessions.running[peer.id].settings
        assert (settings.model, settings.instructions) == ("echo", "Be brief.")
        again = await post(at, path, sdp=OFFER, requestData={"model": "local"})
        assert at.sessions.running[(await again.json())["pc_id"]].settings.model == "local"


@pytest.mark.parametrize("body", [b"", b"{}"])
async def test_start_may_say_nothing(body: bytes) -> None:
    async with door() as at:
        assert (await at.client.post("/start", headers=KEY, data=body)).status == 200


async def test_an_offer_without_a_session_and_its_candidates() -> None:
    async with door(CONFIG) as at:
        said = await (await post(at, sdp=OFFER, type="offer", request_data={"model": "echo"})).json()
        candidate = {"candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host", "sdp_mid": "0", "sdp_mline_index": 0}
        for candidates in ([candidate], [candidate | {"candidate": ""}], []):
            answer = await post(at, method="PATCH", pc_id=said["pc_id"], candidates=candidates)
            assert (answer.status, await answer.json()) == (200, {"status": "success"})


async def test_renegotiation_keeps_the_peer_and_a_restart_replaces_it() -> None:
    async with door(CONFIG) as at:
        pc_id = (await (await post(at, sdp=OFFER)).json())["pc_id"]
        again = await post(at, sdp=OFFER, pc_id=pc_id, restart_pc=False)
        assert (await again.json())["sdp"].endswith("again") and len(at.port.peers) == 1
        anew = await (await post(at, sdp=OFFER, pc_id=pc_id, restart_pc=True)).json()
        assert anew["pc_id"] == pc_id and len(at.sessions.running) == 1
        first, second = at.port.peers
        assert first.closed and not second.closed
        [call] = at.door.calls.values()
        assert call.peer is second


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/api/offer", {}, (400, "missing_required_parameter", "sdp")),
        ("/api/offer", {"sdp": ""}, (400, "invalid_value", "sdp")),
        ("/api/offer", {"sdp": OFFER, "type": "answer"}, (400, "invalid_value", "type")),
        ("/api/offer", {"sdp": OFFER, "pc_id": "rtc_none"}, (404, "call_not_found", "call_id")),
        ("/api/offer", {"sdp": OFFER, "pc_id": "rtc_none", "restart_pc": True}, (404, "call_not_found", "call_id")),
        ("/api/offer", {"sdp": OFFER, "requestData": {"model": "none"}}, (404, "model_not_found", "model")),
        ("/api/offer", {"sdp": OFFER, "requestData": {"session": {"typo": 1}}}, (400, "unknown_parameter", None)),
        ("/sessions/none/api/offer", {"sdp": OFFER}, (404, "session_not_found", None)),
        ("/start", {"transport": "daily"}, (400, "invalid_value", "transport")),
        ("/start", {"body": {"model": "none"}}, (404, "model_not_found", "model")),
    ],
)
async def test_what_cannot_be_is_refused(path: str, body: Any, expected: tuple[int, str, str | None]) -> None:
    async with door(CONFIG) as at:
        status, code, param = await refusal(await post(at, path, **body))
        assert (status, code) == expected[:2]
        assert expected[2] is None or param == expected[2]
        assert not at.port.peers


async def test_keys_their_models_and_the_calls_of_others() -> None:
    async with door(CONFIG) as at:
        assert (await post(at, "/start", key={})).status == 401
        assert (await post(at, sdp=OFFER, key={"Authorization": "Bearer nobody"})).status == 401
        assert (await refusal(await post(at, "/start", key=SHOP, body={"model": "echo"})))[0] == 403
        pc_id = (await (await post(at, sdp=OFFER)).json())["pc_id"]
        assert (await post(at, sdp=OFFER, pc_id=pc_id, key=SHOP)).status == 404
        assert (await post(at, method="PATCH", pc_id=pc_id, candidates=[], key=SHOP)).status == 404
        session = (await (await post(at, "/start")).json())["sessionId"]
        assert (await post(at, f"/sessions/{session}/api/offer", sdp=OFFER, key=SHOP)).status == 404


async def test_calls_of_other_doors_are_none_of_this_one() -> None:
    async with door(CONFIG) as at:
        place = (await at.call()).headers["Location"]
        assert (await post(at, sdp=OFFER, pc_id=place.rsplit("/", 1)[1])).status == 404


async def test_a_body_that_is_no_text() -> None:
    async with door() as at:
        assert (await at.client.post("/api/offer", headers=KEY, data=b"\xff\xfe")).status == 400
        assert (await at.client.post("/api/offer", headers=KEY, data=b"[1]")).status == 400
        assert (await at.client.post("/api/offer", headers=KEY, data=b"x" * 600_000)).status == 413


# --- whole calls ------------------------------------------------------------------------------------------------------


class Bot:
    """A stock client's view of one call: audio, video and the channel ``chat``, as the transport offers them."""

    def __init__(self, client: House) -> None:
        self.client = client
        self.pc_id: str | None = None
        self.messages: list[dict[str, Any]] = []
        self.came = asyncio.Event()
        self.peers: list[RTCPeerConnection] = []

    def take(self, text: str) -> None:
        self.messages.append(json.loads(text))
        self.came.set()

    async def connect(self, *, restart: bool = False, **data: Any) -> None:
        peer = RTCPeerConnection()
        self.peers.append(peer)
        peer.addTransceiver(AudioStreamTrack(), "sendrecv")
        peer.addTransceiver("video", "sendrecv")
        self.channel = peer.createDataChannel("chat")
        self.channel.on("message", self.take)
        opened = asyncio.Event()
        self.channel.on("open", opened.set)
        await peer.setLocalDescription(await peer.createOffer())
        body = {"sdp": peer.localDescription.sdp, "type": "offer", "pc_id": self.pc_id, "restart_pc": restart}
        answer = await self.client.post("/api/offer", headers=KEY, json=body | {"requestData": data})
        assert answer.status == 200, await answer.text()
        said = await answer.json()
        self.pc_id = said["pc_id"]
        await peer.setRemoteDescription(RTCSessionDescription(said["sdp"], said["type"]))
        async with asyncio.timeout(LIMIT_S):
            await opened.wait()

    def say(self, kind: str, data: Any = None, name: str = "m1") -> None:
        self.channel.send(json.dumps({"label": "rtvi-ai", "type": kind, "id": name, "data": data}))

    async def until(self, kind: str, count: int = 1) -> dict[str, Any]:
        async with asyncio.timeout(LIMIT_S):
            while len(found := [message for message in self.messages if message["type"] == kind]) < count:
                self.came.clear()
                await self.came.wait()
        return found[count - 1]


@asynccontextmanager
async def bot(config: Config | None = None, **data: Any) -> AsyncIterator[Bot]:
    async with house(config) as client:
        made = Bot(client)
        try:
            await made.connect(**data)
            yield made
        finally:
            for peer in made.peers:
                await peer.close()


WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


@pytest.mark.engines
async def test_a_text_is_answered_aloud_and_what_was_heard_is_told() -> None:
    async with bot() as call:
        call.channel.send("ping: 1700000000000")
        call.say("client-ready", {"version": "2.1.0"}, "abc")
        assert (await call.until("bot-ready"))["id"] == "abc"
        call.say("send-text", {"content": "hello", "options": {"run_immediately": True, "audio_response": True}})
        await call.until("bot-started-speaking")
        await call.until("bot-stopped-speaking")
        outputs = [message["data"] for message in call.messages if message["type"] == "bot-output"]
        assert outputs[0]["spoken_status"] == "new" and outputs[-1]["spoken_status"] == "completed"
        kinds = {message["type"] for message in call.messages}
        assert {"bot-llm-started", "bot-llm-text", "bot-llm-stopped", "bot-tts-started", "bot-tts-text"} <= kinds
        assert not kinds & {"error", "error-response"}
        video = call.peers[0].getTransceivers()[1]
        assert (video.mid, video.currentDirection) == ("1", "inactive")


@pytest.mark.engines
async def test_a_function_is_executed_by_the_client_and_the_model_goes_on() -> None:
    async with bot(session={"tools": [WEATHER]}) as call:
        call.say("client-ready", {"version": "2.1.0"})
        options = {"audio_response": False}
        call.say("send-text", {"content": "what is the weather in Oslo", "options": options})
        asked = (await call.until("llm-function-call-in-progress"))["data"]
        assert (asked["function_name"], asked["arguments"]["city"].lower()) == ("get_weather", "oslo")
        result = {"function_name": "get_weather", "tool_call_id": asked["tool_call_id"], "result": "It is sunny."}
        call.say("llm-function-call-result", result | {"arguments": asked["arguments"]})
        assert (await call.until("llm-function-call-stopped"))["data"]["result"] == "It is sunny."
        await call.until("bot-llm-stopped", 2)
        said = " ".join(message["data"]["text"] for message in call.messages if message["type"] == "bot-output")
        assert "sunny" in said


@pytest.mark.engines
async def test_a_client_comes_back_on_another_connection_and_the_bot_remembers() -> None:
    async with bot() as call:
        call.say("client-ready", {"version": "2.1.0"})
        call.say("send-text", {"content": "count to twenty"})
        await call.until("bot-started-speaking")
        before = call.pc_id
        await call.connect(restart=True)
        assert call.pc_id == before
        await call.peers[0].close()
        await call.until("bot-stopped-speaking")  # the rest of the answer went on over the new connection
        call.say("client-message", {"t": "session.get"}, "m9")
        assert (await call.until("server-response"))["data"]["d"]["model"] == "local"
        last = [message["data"] for message in call.messages if message["type"] == "bot-output"][-1]
        assert last["spoken_status"] == "completed"
        assert "peerLeft" not in json.dumps(call.messages)


async def test_the_client_asks_for_the_end() -> None:
    config = Config(models={"echo": Model(bridge="echo")}, default_model="echo", media=LOOPBACK)
    async with bot(config) as call:
        call.say("disconnect-bot", {})
        assert (await call.until("signalling"))["message"] == {"type": "peerLeft"}
        async with asyncio.timeout(LIMIT_S):
            while (await call.client.patch("/api/offer", headers=KEY, json={"pc_id": call.pc_id})).status != 404:
                await asyncio.sleep(0.05)


async def test_garbage_on_the_channel_is_answered_and_the_call_goes_on() -> None:
    config = Config(models={"echo": Model(bridge="echo")}, default_model="echo", media=LOOPBACK)
    async with bot(config) as call:
        call.channel.send("{")
        call.channel.send(b"\x00\xff")
        await call.until("error", 2)
        call.say("client-ready", {"version": "2.1.0"})
        await call.until("bot-ready")
