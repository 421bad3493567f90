"""The simulator as ElevenLabs' own SDK sees it: its client speaks, lists and makes voices."""

from __future__ import annotations

import base64
import json
import warnings

import aiohttp

from tests.servers import toned
from tests.servers.elevenlabs_speech import VOICE, ElevenLabsSpeechServer, characters

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from elevenlabs import AsyncElevenLabs


def test_characters_sound_where_their_tones_do() -> None:
    assert characters("ab c") == [
        ("a", 0.0, 110.0),
        ("b", 110.0, 110.0),
        (" ", 220.0, 80.0),
        ("c", 300.0, 220.0),
        (" ", 520.0, 80.0),
    ]


async def test_the_sdk_speaks_lists_and_makes_voices() -> None:
    async with ElevenLabsSpeechServer(speed=100) as server:
        client = AsyncElevenLabs(api_key=server.key, base_url=server.http)
        how = {"model_id": "eleven_flash_v2_5", "output_format": "pcm_16000"}
        plain = b"".join([each async for each in client.text_to_speech.stream(VOICE, text="Hello you.", **how)])
        lines = [each async for each in client.text_to_speech.stream_with_timestamps(VOICE, text="Hello you.", **how)]
        assert (
            plain == b"".join(base64.b64decode(each.audio_base_64) for each in lines) == toned.say("Hello you.", 16000)
        )
        assert "".join("".join(each.alignment.characters) for each in lines if each.alignment) == "Hello you."
        found = await client.voices.search(page_size=10)
        assert [voice.voice_id for voice in found.voices] == [VOICE] and not found.has_more
        await client._client_wrapper.httpx_client.httpx_client.aclose()


async def test_a_second_close_cuts_a_context_and_a_sixth_ends_the_socket() -> None:
    async with (
        ElevenLabsSpeechServer(speed=2) as server,
        aiohttp.ClientSession(headers={"xi-api-key": server.key}) as session,
    ):
        at = f"{server.http}/v1/text-to-speech/{VOICE}/multi-stream-input?model_id=m&output_format=pcm_16000&auto_mode=true"
        async with session.ws_connect(at) as ws:
            await ws.send_json({"text": " ", "context_id": "a"})
            await ws.send_json({"text": "Hello to you all. ", "context_id": "a", "flush": True})
            for _ in range(2):
                await ws.send_json({"context_id": "a", "close_context": True})
            assert json.loads(await ws.receive_str()) == {"isFinal": True, "contextId": "a"}
            for name in "bcdefg":
                await ws.send_json({"text": " ", "context_id": name})
            assert json.loads(await ws.receive_str())["error"] == "max_active_conversations"
            assert (await ws.receive()).data == 1008
