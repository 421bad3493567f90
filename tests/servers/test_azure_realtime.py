"""The official SDK against the simulator: its plain client on the GA address, its Azure client on the preview's."""

import asyncio
from typing import Any

import aiohttp
import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI

from tests.servers.azure_realtime import DEPLOYMENT, AzureRealtime

VERSION = "2025-04-01-preview"
ITEM: Any = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}


async def turn(connection: Any) -> list[str]:
    """Ask for an answer and return the types of what came."""
    await connection.conversation.item.create(item=ITEM)
    await connection.response.create()
    kinds: list[str] = []
    async with asyncio.timeout(20):
        while not kinds or kinds[-1] != "response.done":
            kinds.append((await connection.recv()).type)
    return kinds


async def test_the_plain_client_on_the_ga_address() -> None:
    async with AzureRealtime(speed=50) as sim:
        base = sim.url.removesuffix("/realtime")
        client = AsyncOpenAI(api_key=sim.key, websocket_base_url=base, base_url=f"{sim.http}/openai/v1")
        async with client, client.realtime.connect(model=DEPLOYMENT) as connection:
            kinds = await turn(connection)
            assert "response.output_audio.delta" in kinds
            assert "conversation.item.done" in kinds


async def test_the_azure_client_on_the_preview_address_gets_the_older_names() -> None:
    async with AzureRealtime(speed=50) as sim:
        base = sim.http.replace("http", "ws") + "/openai"
        client = AsyncAzureOpenAI(
            api_key=sim.key, azure_endpoint=sim.http, api_version=VERSION, websocket_base_url=base
        )
        async with client, client.realtime.connect(model=DEPLOYMENT) as connection:
            kinds = await turn(connection)
            assert "response.audio.delta" in kinds
            assert "conversation.item.created" in kinds
            assert not any("output_audio" in kind or kind == "conversation.item.done" for kind in kinds)
            await connection.send({"type": "session.update", "session": {"input_audio_format": "g711_ulaw"}})  # type: ignore[typeddict-item]
            updated = await connection.recv()
            assert (updated.type, updated.session.input_audio_format) == ("session.updated", "g711_ulaw")
            await connection.send({"type": "session.update", "session": {"type": "realtime"}})  # type: ignore[typeddict-item]
            assert (await connection.recv()).error.code == "unknown_parameter"


@pytest.mark.parametrize("query", ["", f"?api-version={VERSION}&model={DEPLOYMENT}"])
async def test_an_api_version_on_the_ga_address_is_refused(query: str) -> None:
    async with AzureRealtime() as sim, aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(sim.url + query, headers={"api-key": sim.key})
        assert refused.value.status == (401 if query else 404)
