import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.servers import toned
from tests.servers.minds import Brain, Line, Reply
from tests.servers.provider import GARBAGE, Connection, Faults, Simulator


class Acme(Connection):
    """The smallest provider: binary in, JSON out, an answer to each turn."""

    rate = 16000

    async def begin(self) -> None:
        await self.send({"type": "hello"})

    async def on_text(self, text: str) -> None:
        if "stop" in text and await self.interrupt():
            await self.send({"type": "stopped"})
        if "talk" in text:
            self.begin_reply(self.reply("count to three"))
        if "break" in text:
            raise RuntimeError("a defect of the simulator")

    async def on_binary(self, data: bytes) -> None:
        for edge in self.hear(data):
            if edge.kind == "stop":
                self.begin_reply(self.reply(self.sim.brain.heard()))

    async def reply(self, text: str) -> None:
        answer = self.sim.brain.answer([Line("user", text)])
        assert isinstance(answer, Reply)
        async for piece in self.pieces(answer.sentences, 16000):
            await self.send({"type": "audio", "text": piece.text, "pcm": base64.b64encode(piece.pcm).decode()})
        self.sim.truth.bill("reply", "r1", characters=len(answer.text))
        await self.send({"type": "done"})

    async def expiring(self) -> None:
        await self.send({"type": "expired"})

    async def going_away(self, left_s: float) -> None:
        await self.send({"type": "soon", "left": left_s})


class AcmeServer(Simulator):
    path, connection = "/v1/acme", Acme


@asynccontextmanager
async def caller(server: Simulator) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with aiohttp.ClientSession() as session, session.ws_connect(server.url, max_msg_size=0) as ws:
        yield ws


async def until(ws: aiohttp.ClientWebSocketResponse, kind: str) -> list[dict[str, Any]]:
    got: list[dict[str, Any]] = []
    async with asyncio.timeout(20):
        while not got or got[-1]["type"] != kind:
            got.append(json.loads(await ws.receive_str()))
    return got


def sound(messages: list[dict[str, Any]]) -> bytes:
    return b"".join(base64.b64decode(each["pcm"]) for each in messages if each["type"] == "audio")


async def test_answers_a_spoken_turn_with_speech_that_can_be_read_back(tmp_path: Path) -> None:
    speech = toned.speak(3, 4, 16000) + bytes(32000)
    async with AcmeServer(brain=Brain("count to three"), speed=50, truth=tmp_path / "truth") as server:
        async with caller(server) as ws:
            for start in range(0, len(speech), 640):
                await ws.send_bytes(speech[start : start + 640])
            got = await until(ws, "done")
        assert toned.sentences(sound(got), 16000) == [1, 2, 3]
        assert bytes(server.last.received) == speech
        assert [json.loads(row) for row in (tmp_path / "truth").read_text().splitlines()] == server.truth.rows
        assert server.truth.total("characters", "reply") == len(
            "Sentence one of the answer. Sentence two of the answer. "
        ) + len("Sentence three of the answer.")


async def test_a_reply_is_paced_and_can_be_interrupted() -> None:
    async with AcmeServer(speed=2) as server, caller(server) as ws:
        began = time.monotonic()
        await ws.send_str("talk")
        first = await until(ws, "audio")
        await asyncio.sleep(0.2)
        await ws.send_str("stop")
        got = await until(ws, "stopped")
        elapsed = time.monotonic() - began
        assert len(sound(first + got)) / 32000 <= elapsed * 2 + 0.2
        assert not server.last.busy


async def test_refusals_come_with_their_headers_and_end_when_asked() -> None:
    async with AcmeServer(faults=Faults(refuse=429, refuse_times=1, retry_after="7")) as server:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with caller(server):
                pass
        assert (refused.value.status, refused.value.headers and refused.value.headers["Retry-After"]) == (429, "7")
        async with caller(server) as ws:
            await until(ws, "hello")
        assert (server.attempts, server.refused, len(server.connections)) == (2, 1, 1)


@pytest.mark.parametrize("code", [1011, None])
async def test_breaks_in_the_middle_of_a_reply(code: int | None) -> None:
    faults = Faults(close_mid_reply_ms=300, close_code=code, only_first=True)
    async with AcmeServer(faults=faults, speed=20) as server:
        async with caller(server) as ws:
            await until(ws, "hello")
            await ws.send_str("talk")
            async with asyncio.timeout(20):
                while (message := await ws.receive()).type is aiohttp.WSMsgType.TEXT:
                    pass
            assert ws.close_code == (1011 if code else 1006), message
        assert 300 <= server.last.said_ms <= 400
        async with caller(server) as ws:
            await ws.send_str("talk")
            assert toned.sentences(sound(await until(ws, "done")), 16000) == [1, 2, 3]


async def test_a_half_open_connection_is_there_and_says_nothing() -> None:
    async with AcmeServer(faults=Faults(half_open_mid_reply_ms=200), speed=50) as server, caller(server) as ws:
        await until(ws, "hello")
        await ws.send_str("talk")
        await until(ws, "audio")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                while True:
                    await until(ws, "done")
        assert not ws.closed


async def test_the_cap_is_announced_and_kept() -> None:
    async with AcmeServer(faults=Faults(go_away_s=0.1, session_s=0.4)) as server, caller(server) as ws:
        got = await until(ws, "expired")
        assert [each["type"] for each in got] == ["hello", "soon", "expired"]
        assert 0 < got[1]["left"] <= 0.3
        async with asyncio.timeout(20):
            assert (await ws.receive()).type is aiohttp.WSMsgType.CLOSE


async def test_garbage_of_every_kind_is_sent() -> None:
    async with AcmeServer(faults=Faults(garbage=tuple(GARBAGE)), speed=50) as server, caller(server) as ws:
        await until(ws, "hello")
        await ws.send_str("talk")
        kinds = []
        async with asyncio.timeout(20):
            for name in GARBAGE:
                message = await ws.receive()
                kinds.append(message.type)
                if name == "bad_utf8":
                    break
                assert message.data == GARBAGE[name]
        assert kinds[-1] is aiohttp.WSMsgType.ERROR


async def test_a_slow_provider_is_slow() -> None:
    async with (
        AcmeServer(faults=Faults(first_audio_s=0.3, bytes_per_s=100_000), speed=50) as server,
        caller(server) as ws,
    ):
        began = time.monotonic()
        await ws.send_str("talk")
        got = await until(ws, "done")
        assert time.monotonic() - began >= 0.3 + sum(len(json.dumps(each)) for each in got) / 100_000


async def test_what_breaks_inside_fails_the_test() -> None:
    with pytest.raises(ExceptionGroup, match="the simulator failed"):
        async with AcmeServer() as server, caller(server) as ws:
            await ws.send_str("break")
            async with asyncio.timeout(20):
                while (await ws.receive()).type is aiohttp.WSMsgType.TEXT:
                    pass
