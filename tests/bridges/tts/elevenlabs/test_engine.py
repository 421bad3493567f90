"""Which way a text goes to ElevenLabs, and with what."""

from __future__ import annotations

from typing import Any

import pytest

from mediaserver.errors import BridgeError
from mediaserver.speech import Manner
from tests.bridges.tts.voices import said, sound, speaking
from tests.servers.elevenlabs_speech import VOICE

MANNER = Manner(language="de-AT", before="Guten Tag.", settings={"style": 0.3, "unknown": 1}, instructions="gently")


async def test_a_request_carries_what_the_manner_asks() -> None:
    async with speaking("elevenlabs-http", told={"settings": {"stability": 0.5}}) as (engine, server):
        await said(engine, "Hallo.", speed=1.1, manner=MANNER)
        ((path, query, body),) = server.requests
        assert path == f"/v1/text-to-speech/{VOICE}/stream/with-timestamps" and query == {"output_format": "pcm_16000"}
        assert body == {
            "text": "Hallo.",
            "model_id": "eleven_flash_v2_5",
            "language_code": "de",
            "voice_settings": {"stability": 0.5, "style": 0.3, "speed": 1.1},
            "previous_text": "Guten Tag.",
        }


async def test_a_socket_is_of_one_voice_and_language_and_settings_go_with_the_text() -> None:
    async with speaking("elevenlabs-websocket") as (engine, server):
        await said(engine, "Hallo.", manner=MANNER)
        await said(engine, "Hello.")
        first, second = server.connections
        assert (first.request.query["language_code"], second.request.query.get("language_code")) == ("de", None)
        assert first.messages[0]["voice_settings"] == {"style": 0.3} and "voice_settings" not in second.messages[0]
        assert first.request.query["auto_mode"] == first.request.query["sync_alignment"] == "true"


@pytest.mark.parametrize("told", [{"model": "eleven_v3"}, {"rate": 48000}])
async def test_what_has_no_sockets_goes_over_http_by_itself(told: dict[str, Any]) -> None:
    async with speaking("elevenlabs-websocket", told=told) as (engine, server):
        await engine.warm()
        assert (await said(engine, "Hello."))[0] == sound("Hello.", engine.rate)
        assert not server.connections and len(server.requests) == 1


async def test_a_voice_that_is_gone_is_told() -> None:
    async with speaking("elevenlabs-websocket", told={"voices": ["gone"]}) as (engine, _):
        with pytest.raises(BridgeError) as failed:
            await said(engine, "Hello.")
        assert (failed.value.code, failed.value.retryable) == ("model_not_found", False)
