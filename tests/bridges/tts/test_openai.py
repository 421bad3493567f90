from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bridges.tts.openai import MAX_SAMPLE, CustomisedVoice, open_openai
from bridges.tts.rest_options import OpenAIVoice
from mediaserver.errors import BridgeError
from mediaserver.speech import SoundFile
from tests.servers.openai_speech import SpeechServer, openai_speech

CONSENT, SAMPLE = SoundFile(b"I agree", "wav", 3.0), SoundFile(b"my voice", "mp3", 20.0)


@asynccontextmanager
async def opened(**told: Any) -> AsyncIterator[tuple[SpeechServer, CustomisedVoice]]:
    async with openai_speech() as server, open_openai(OpenAIVoice(url=server.url, key="k", **told)) as voice:
        yield server, voice


async def test_a_voice_is_made_of_a_consent_and_a_sample() -> None:
    async with opened(consent_language="de-DE") as (server, voice):
        made = await voice.clone_voice("Anna", [CONSENT, SAMPLE], description="warm")
    assert (made.id, made.name, made.description) == ("voice_1", "Anna", "warm")
    assert server.uploads == [
        {"name": "Anna", "language": "de-DE", "recording": ("recording.wav", b"I agree", "audio/wav")},
        {"name": "Anna", "consent": "cons_1", "audio_sample": ("audio_sample.mp3", b"my voice", "audio/mpeg")},
    ]


async def test_a_consent_that_is_there_is_used() -> None:
    async with opened(consent="cons_7") as (server, voice):
        await voice.clone_voice("Anna", [SAMPLE])
        assert [upload["consent"] for upload in server.uploads] == ["cons_7"]


@pytest.mark.parametrize("samples", [[], [SAMPLE], [CONSENT, SAMPLE, SAMPLE]])
async def test_another_number_of_samples_is_refused(samples: list[SoundFile]) -> None:
    async with opened() as (server, voice):
        with pytest.raises(BridgeError) as refused:
            await voice.clone_voice("Anna", samples)
        assert (refused.value.code, refused.value.retryable) == ("invalid_request", False) and not server.uploads


async def test_a_sample_that_is_too_long_is_not_sent() -> None:
    async with opened(consent="cons_7") as (server, voice):
        with pytest.raises(BridgeError) as refused:
            await voice.clone_voice("Anna", [SoundFile(bytes(MAX_SAMPLE + 1), "wav", 300.0)])
        assert refused.value.code == "too_large" and not server.uploads


async def test_only_ones_own_voices_can_be_deleted() -> None:
    async with opened() as (server, voice):
        await voice.delete_voice("voice_1/x")
        with pytest.raises(BridgeError):
            await voice.delete_voice("alloy")
        assert server.deleted == ["voice_1/x"]
