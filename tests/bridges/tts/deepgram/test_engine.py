"""Which way a text goes to Deepgram, and with what."""

from __future__ import annotations

from mediaserver.speech import Manner
from tests.bridges.tts.voices import said, sound, speaking
from tests.servers.deepgram_speak import SpeakConnection


async def test_each_voice_goes_to_its_own_address() -> None:
    async with speaking("aura-websocket") as (engine, server):
        for voice in ("aura-2-zeus-en", "flux-haley-en", "nobody"):
            assert (await said(engine, "Hello.", voice=voice, manner=Manner(settings={"expressivity": 2})))[0] == sound(
                "Hello."
            )
        used: list[SpeakConnection] = [each for each in server.connections if each.messages]
        assert [(each.request.path, each.model) for each in used] == [
            ("/v1/speak", "aura-2-zeus-en"),
            ("/v2/speak", "flux-haley-en"),
            ("/v1/speak", "aura-2-thalia-en"),
        ]
        assert used[1].request.query["expressivity"] == "2" and "expressivity" not in used[0].request.query


async def test_a_request_says_what_a_socket_says() -> None:
    async with speaking("flux-http", told={"mip_opt_out": True}) as (engine, server):
        await said(engine, "Hello.", speed=0.9)
        ((path, query, body),) = server.requests
        assert (path, body) == ("/v2/speak", {"text": "Hello."})
        assert query == {
            "model": "flux-alexis-en",
            "encoding": "linear16",
            "sample_rate": "16000",
            "container": "none",
            "speed": "0.90",
            "mip_opt_out": "true",
        }


async def test_the_voices_are_those_of_the_documentation() -> None:
    async with speaking("aura-http") as (engine, _):
        assert {each.id for each in await engine.list_voices()} == set(engine.voices)
    async with speaking("aura-http", told={"voices": ["flux-haley-en"]}) as (engine, _):
        assert engine.voices == ("flux-haley-en",)
