"""Servers of the OpenAI shape: turns and files, against a server that holds every form to the SDK's parameters."""

import asyncio
from typing import Any

import pytest

from mediaserver.errors import BridgeError, Unsupported
from mediaserver.items import Usage
from mediaserver.speech import Partial, SpokenSegment, SpokenWord
from tests.bridges.stt.engines import file, opened, say, tone, write_down

TOKENS = Usage(input_tokens=14, output_tokens=45, input_audio_tokens=14, output_text_tokens=45, source="provider")


async def test_a_turn_is_written_down_as_it_streams() -> None:
    partials: list[Partial] = []
    async with opened("openai") as (server, stt):
        transcript = await say(stt, tone(), partials, language="en-US", prompt="Neme")
    assert (transcript.text, transcript.language, transcript.usage) == ("Hello there.", "en", TOKENS)
    assert partials == [Partial("Hello", 5), Partial("Hello there.", 12)]
    told = {"model": "gpt-transcribe", "response_format": "json", "stream": True, "language": "en", "prompt": "Neme"}
    assert server.requests == [told] and server.billed_s == 0.5
    assert server.headers[0]["Authorization"] == "Bearer sk-1"


async def test_whisper_answers_whole() -> None:
    async with opened("whisper", language="de") as (server, stt):
        transcript = await say(stt, tone())
    assert transcript.usage == Usage(seconds=1.0, source="provider")
    assert server.requests == [{"model": "whisper-1", "response_format": "json", "language": "de"}]


async def test_words_and_segments_of_a_file() -> None:
    async with opened("whisper") as (_, stt):
        pieces, transcript = await write_down(stt, file(), words=True, segments=True)
    assert pieces == [] and (transcript.text, transcript.language, transcript.duration) == ("Hello there.", "en", 0.5)
    assert transcript.words == (SpokenWord("Hello", 0.0, 0.4), SpokenWord("there.", 0.5, 0.9))
    assert transcript.segments == (SpokenSegment("Hello", 0.0, 0.5), SpokenSegment("there.", 0.5, 1.0))


async def test_a_file_is_translated() -> None:
    async with opened("whisper") as (server, stt):
        _, transcript = await write_down(stt, file(), translate=True, segments=True, prompt="Neme", temperature=0.2)
    assert len(transcript.segments) == 2 and server.targets == ["/v1/audio/translations"]
    assert transcript.usage == Usage(seconds=0.5)  # translations tell none


async def test_who_speaks_is_told_by_the_model_that_can() -> None:
    async with opened("openai", model="gpt-4o-transcribe-diarize") as (_, stt):
        pieces, transcript = await write_down(stt, file(), speakers=True)
    assert pieces == ["Hello", " there."]
    assert transcript.segments == (SpokenSegment("Hello", 0.0, 0.5, "A"), SpokenSegment("there.", 0.5, 1.0, "B"))


async def test_keywords_go_to_the_model_that_takes_them() -> None:
    async with opened("openai") as (server, stt):
        await write_down(stt, file(), keywords=("Neme", "Oslo"))
    assert server.requests[0]["keywords"] == ["Neme", "Oslo"]


@pytest.mark.parametrize(
    ("name", "ask"),
    [
        ("openai", {"words": True}),
        ("openai", {"translate": True}),
        ("whisper", {"speakers": True}),
        ("whisper", {"translate": True, "words": True}),
        ("groq", {"translate": True}),
        ("google", {"prompt": "Neme"}),
    ],
)
async def test_what_a_model_cannot_is_refused_and_not_asked(name: str, ask: dict[str, Any]) -> None:
    async with opened(name) as (server, stt):
        with pytest.raises(Unsupported):
            await write_down(stt, file(), **ask)
        assert server.tries == 0


async def test_azure_by_its_version_one_path() -> None:
    async with opened("azure") as (server, stt):
        assert (await say(stt, tone())).text == "Hello there."
    assert server.targets == ["/openai/v1/audio/transcriptions"] and server.headers[0]["api-key"] == "k"


async def test_azure_by_the_path_of_a_deployment() -> None:
    async with opened("azure", api_version="2025-04-01-preview", bearer=True, like="whisper-1") as (server, stt):
        await say(stt, tone())
    assert server.targets == ["/openai/deployments/stt/audio/transcriptions?api-version=2025-04-01-preview"]
    assert server.headers[0]["Authorization"] == "Bearer k" and "api-key" not in server.headers[0]


async def test_groq_bills_ten_seconds_at_least() -> None:
    async with opened("groq") as (server, stt):
        assert (await say(stt, tone(), language="de")).usage == Usage(seconds=10.0)
    assert server.requests == [{"model": "whisper-large-v3-turbo", "response_format": "json", "language": "de"}]


async def test_a_server_of_ones_own_needs_no_key() -> None:
    async with opened("compatible") as (server, stt):
        server.counts = False
        transcript = await say(stt, tone())
    assert transcript.usage == Usage(seconds=0.5) and "Authorization" not in server.headers[0]


async def test_a_server_that_does_not_stream_is_understood_all_the_same() -> None:
    async with opened("whisper", like="gpt-4o-transcribe") as (server, stt):
        pieces, transcript = await write_down(stt, file())
    assert server.requests[0]["stream"] is True
    assert pieces == [] and transcript.text == "Hello there."


async def test_a_stream_without_its_end_is_no_answer() -> None:
    async with opened("openai") as (server, stt):
        server.ends = False
        with pytest.raises(BridgeError) as failed:
            await say(stt, tone())
    assert failed.value.code == "connection_lost"


async def test_a_stream_that_stays_open_after_its_end_is_not_waited_for() -> None:
    async with opened("openai", between_s=30) as (server, stt):
        server.faults.hold_after = 1_000_000
        async with asyncio.timeout(10):
            assert (await say(stt, tone())).text == "Hello there."


async def test_a_connection_is_used_again_after_a_stream() -> None:
    async with opened("openai") as (server, stt):
        for _ in range(3):
            await write_down(stt, file())
    assert len(server.connections) == 1


async def test_limits_are_those_of_the_model_and_the_account() -> None:
    async with opened("groq", max_bytes=100 * 1024 * 1024) as (_, stt):
        assert (stt.file_limits.max_bytes, stt.file_limits.max_seconds) == (100 * 1024 * 1024, None)
    async with opened("openai", model="gpt-4o-mini-transcribe-2025-12-15") as (_, stt):
        assert stt.file_limits.max_seconds == 1400 and "stream" in stt.file_features and stt.rate == 16000
