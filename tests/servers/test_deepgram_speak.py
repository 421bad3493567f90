"""The simulator as Deepgram's own SDK sees it: its client speaks over both addresses, as requests and on sockets."""

from __future__ import annotations

import asyncio
import warnings
from importlib import import_module
from typing import Any

from tests.servers import toned
from tests.servers.deepgram_speak import DeepgramSpeakServer

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from deepgram import AsyncDeepgramClient
    from deepgram.environment import DeepgramClientEnvironment
    from deepgram.speak.v1 import types as v1
    from deepgram.speak.v2 import types as v2

    for version in ("v1", "v2"):  # it imports its clients late, and they a class that websockets 14 calls legacy
        import_module(f"deepgram.speak.{version}.client")

PCM: dict[str, Any] = {"encoding": "linear16", "sample_rate": 16000}


def client_of(server: DeepgramSpeakServer) -> AsyncDeepgramClient:
    ws = server.http.replace("http", "ws")
    where = DeepgramClientEnvironment(base=server.http, production=ws, agent=ws, agent_rest=server.http)
    return AsyncDeepgramClient(api_key=server.key, environment=where)


async def heard(socket: Any, last: str) -> tuple[bytes, list[str]]:
    """Return sound and messages up to the one of this type."""
    pcm, kinds = b"", []
    async with asyncio.timeout(5):
        async for each in socket:
            if isinstance(each, bytes):
                pcm += each
                continue
            kinds.append(each.type)
            if each.type == last:
                break
    return pcm, kinds


async def test_the_sdk_asks_for_sound() -> None:
    async with DeepgramSpeakServer(speed=100) as server:
        client = client_of(server)
        for speak, model in ((client.speak.v1, "aura-2-thalia-en"), (client.speak.v2, "flux-alexis-en")):
            pieces = speak.audio.generate(text="Hello.", model=model, container="none", **PCM)
            assert b"".join([each async for each in pieces]) == toned.say("Hello.", 16000)
        await client._client_wrapper.httpx_client.httpx_client.aclose()


async def test_the_sdk_speaks_on_sockets() -> None:
    async with DeepgramSpeakServer(speed=100) as server:
        client = client_of(server)
        told = {"encoding": "linear16", "sample_rate": "16000"}
        async with client.speak.v1.connect(model="aura-2-thalia-en", **told) as socket:
            await socket.send_text(v1.SpeakV1Text(text="Hello."))
            await socket.send_flush(v1.SpeakV1Flush(type="Flush"))
            assert await heard(socket, "Flushed") == (toned.say("Hello.", 16000), ["Metadata", "Flushed"])
            await socket.send_clear(v1.SpeakV1Clear(type="Clear"))
            assert await heard(socket, "Cleared") == (b"", ["Cleared"])
        async with client.speak.v2.connect(model="flux-alexis-en", **told) as flux:
            await flux.send_speak(v2.SpeakV2Speak(text="Hello."))
            await flux.send_flush(v2.SpeakV2Flush())
            kinds = ["Connected", "SpeechStarted", "Flushed", "SpeechMetadata"]
            assert await heard(flux, "SpeechMetadata") == (toned.say("Hello.", 16000), kinds)
            await flux.send_interrupt(v2.SpeakV2Interrupt())
            assert await heard(flux, "Warning") == (b"", ["Warning"])
        await client._client_wrapper.httpx_client.httpx_client.aclose()
