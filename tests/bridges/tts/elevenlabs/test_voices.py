"""The voices of an account at the simulator, which holds requests and answers against the SDK's types."""

from __future__ import annotations

import pytest

from bridges.tts.elevenlabs import voices
from mediaserver.errors import BridgeError
from mediaserver.speech import SoundFile, VoiceFacts
from tests.bridges.tts.voices import said, sound, speaking
from tests.servers.elevenlabs_speech import VOICE


async def test_voices_are_listed_page_by_page_and_no_further_than_there_is_use(monkeypatch: pytest.MonkeyPatch) -> None:
    async with speaking("elevenlabs-http") as (engine, server):
        languages = [{"language": "de", "model_id": "m", "locale": "de-AT"}]
        server.voices["v2"] = {"name": "Ada", "preview_url": "https://x/y.mp3", "verified_languages": languages}
        monkeypatch.setattr(voices, "PAGE", 1)
        assert await engine.list_voices() == [
            VoiceFacts(VOICE, "George", ("en",), "male"),
            VoiceFacts("v2", "Ada", ("de-AT",), preview="https://x/y.mp3"),
        ]
        assert engine.voices == (VOICE, "v2")
        monkeypatch.setattr(voices, "PAGES", 1)
        assert len(await engine.list_voices()) == 1


async def test_a_voice_is_made_used_and_forgotten() -> None:
    async with speaking("elevenlabs-websocket") as (engine, server):
        samples = [SoundFile(b"RIFF1", "wav", 1.0), SoundFile(b"ID3", "mp3", 2.0)]
        made = await engine.clone_voice("Ada", samples, description="low")
        assert made == VoiceFacts("made-1", "Ada", description="low")
        assert server.samples == [("sample-1.wav", 5), ("sample-2.mp3", 3)]
        assert (await said(engine, "Hello.", voice="made-1"))[0] == sound("Hello.")
        assert server.last.request.match_info["voice"] == "made-1"
        await engine.delete_voice("made-1")
        assert engine.voices == (VOICE,) and list(server.voices) == [VOICE]
        with pytest.raises(BridgeError) as failed:
            await engine.delete_voice("made-1")
        assert failed.value.code == "model_not_found"
