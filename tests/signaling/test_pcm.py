import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import numpy as np
import pytest

from mediaserver.config import Config, Media, Model
from tests import clips
from tests.fakes.caller import tone
from tests.signaling.doors import KEY
from tests.signaling.houses import LIMIT_S, House, house

LOOPBACK = Media(port=0, addresses=("127.0.0.1",))
ECHO = Config(models={"echo": Model(bridge="echo")}, default_model="echo", media=LOOPBACK)


class Radio:
    """The simplest client: sound in, sound out, and what was written."""

    def __init__(self, wire: aiohttp.ClientWebSocketResponse) -> None:
        self.wire = wire
        self.sound = bytearray()
        self.said: list[dict[str, Any]] = []

    async def until(self, kind: str, **fields: Any) -> dict[str, Any]:
        async with asyncio.timeout(2 * LIMIT_S):
            while True:
                for one in self.said:
                    if one["type"] == kind and fields.items() <= one.items():
                        return one
                await self.receive()

    async def heard(self, size: int) -> bytes:
        async with asyncio.timeout(2 * LIMIT_S):
            while len(self.sound) < size:
                await self.receive()
        return bytes(self.sound)

    async def receive(self) -> None:
        message = await self.wire.receive()
        assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), (message, self.said)
        if message.type == aiohttp.WSMsgType.BINARY:
            self.sound += message.data
        else:
            self.said.append(json.loads(message.data))


@asynccontextmanager
async def radio(client: House, query: str = "") -> AsyncIterator[Radio]:
    async with client.ws_connect(f"/v1/realtime/pcm{query}", headers=KEY) as wire:
        yield Radio(wire)


def level(pcm: bytes) -> float:
    return float(np.sqrt(np.mean(np.frombuffer(pcm[: len(pcm) & ~1], "<i2").astype(float) ** 2)))


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 48000])
async def test_sound_comes_back_at_the_clients_rate(rate: int) -> None:
    async with house(ECHO) as client, radio(client, f"?rate={rate}") as call:
        ready = await call.until("ready")
        assert (ready["model"], ready["rate"]) == ("echo", rate) and ready["call_id"].startswith("rtc_")
        sound = tone(600, rate)
        await call.wire.send_bytes(sound[:1001])
        await call.wire.send_bytes(sound[1001:])
        back = await call.heard(rate)
        assert level(back[rate // 10 :]) == pytest.approx(level(sound), rel=0.1)


@pytest.mark.parametrize("query", ["?rate=44100", "?rate=", "?rate=-1", "?rate=%D9%A1"])
async def test_other_rates_are_refused_before_the_upgrade(query: str) -> None:
    async with house(ECHO) as client:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with radio(client, query):
                pass
        assert refused.value.status == 400


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"type": "x"}', '{"type": "text"}', '{"type": "clear", "x": 1}', "9" * 5000]
)
async def test_what_it_cannot_write_is_an_error_and_the_call_goes_on(text: str) -> None:
    async with house(ECHO) as client, radio(client) as call:
        await call.until("ready")
        await call.wire.send_str(text)
        await call.until("error")
        await call.wire.send_bytes(tone(200, 24000))
        await call.heard(4000)


async def test_it_is_told_when_the_server_stops() -> None:
    async with house(ECHO) as client, radio(client) as call:
        await call.until("ready")
        stopping = asyncio.ensure_future(client.server.close())
        await call.until("end", reason="server_shutdown")
        assert (await call.wire.receive()).data == 1001
        await stopping


@pytest.mark.engines
async def test_a_conversation_spoken_written_and_interrupted() -> None:
    async with house(Config(media=LOOPBACK)) as client, radio(client, "?model=local&rate=16000") as call:
        await call.until("ready")
        said = clips.clip("goforward").pcm
        await call.wire.send_bytes(said + bytes(clips.RATE * 2))
        assert (await call.until("transcript", final=True))["text"]
        await call.until("reply", final=True)
        await call.heard(8000)
        await call.wire.send_str('{"type": "clear"}')
        await call.until("clear")
        call.said.clear()
        await call.wire.send_str('{"type": "text", "text": "what is two plus two"}')
        assert "4" in (answer := (await call.until("reply", final=True))["text"]) or "four" in answer.lower()
