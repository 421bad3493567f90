from typing import Any

import pytest

from bridges.tts.openai_compatible import SpeechVoice, bearer
from mediaserver.errors import BridgeError
from mediaserver.speech import Manner
from tests.bridges.tts.engines import open_tts, said
from tests.servers.openai_speech import openai_speech
from tests.servers.speaking import sound_of


async def asked(kind: Any, manner: Manner = Manner(), *, told: dict[str, Any], **spoken: Any) -> dict[str, Any]:  # noqa: B008
    """What one sentence becomes on the wire."""
    async with openai_speech(kind=kind) as server:
        url = server.url.removesuffix("/v1") if told["engine"] == "azure" else server.url
        async with open_tts({"url": url, "key": "sk-1", **told}) as voice:
            await said(voice, "Hello there.", manner=manner, **spoken)
        return {**server.asked[0], "headers": server.headers[0]}


async def test_what_openai_is_asked() -> None:
    manner = Manner(instructions="Speak like a pirate who is late.", before="Well.", settings={"stability": 1})
    found = await asked("openai", manner, told={"engine": "openai", "project": "p"}, voice="nova", speed=9.0)
    headers = found.pop("headers")
    assert found == {
        "model": "gpt-4o-mini-tts",
        "input": "Hello there.",
        "voice": "nova",
        "response_format": "pcm",
        "speed": 4.0,
        "instructions": "Speak like a pirate who is late.",
    }
    assert (headers["authorization"], headers["openai-project"]) == ("Bearer sk-1", "p")
    assert "openai-organization" not in headers


@pytest.mark.parametrize(
    ("model", "voice", "wanted"),
    [
        ("", "", "alloy"),
        ("", "nobody", "alloy"),
        ("", "marin", "marin"),
        ("tts-1-hd", "marin", "alloy"),
        ("", "voice_123", {"id": "voice_123"}),
    ],
)
async def test_the_voice_by_name_or_id(model: str, voice: str, wanted: Any) -> None:
    found = await asked("openai", Manner("slowly"), told={"engine": "openai", "model": model}, voice=voice)
    assert found["voice"] == wanted
    assert ("instructions" in found) == (not model)


async def test_azure_by_deployment_and_by_model() -> None:
    async with openai_speech() as server:
        told = {"engine": "azure", "url": server.url.removesuffix("/v1"), "model": "my-tts", "key": "k"}
        for more, path, header in (
            ({}, "/openai/v1/audio/speech", ("api-key", "k")),
            ({"url": f"{told['url']}/openai/v1/", "bearer": True}, "/openai/v1/audio/speech", ("authorization", "Bearer k")),
            (
                {"api_version": "2025-04-01-preview"},
                "/openai/deployments/my-tts/audio/speech?api-version=2025-04-01-preview",
                ("api-key", "k"),
            ),
        ):  # fmt: skip
            async with open_tts({**told, **more}) as voice:
                assert await said(voice, "Hi there") == sound_of("Hi there", 24000)
            assert server.paths.pop() == path and server.headers[-1][header[0]] == header[1]
            assert server.asked[-1]["model"] == "my-tts"


@pytest.mark.parametrize(
    ("manner", "begins"),
    [
        (Manner("cheerful"), "[cheerful] "),
        (Manner("[very slow]"), "[very slow] "),
        (Manner(settings={"direction": "whisper"}), "[whisper] "),
        (Manner("You are a very friendly person."), ""),
        (Manner("x" * 300), ""),
        (Manner(), ""),
    ],
)
async def test_groq_is_directed_within_the_text(manner: Manner, begins: str) -> None:
    async with openai_speech(kind="groq") as server:
        async with open_tts({"engine": "groq", "url": server.url}) as voice:
            await said(voice, "One sentence of this text is like the other. " * 8, manner=manner)
        texts = [each["input"] for each in server.asked]
        assert len(texts) > 1 and all(text.startswith(begins + "One") and len(text) <= 200 for text in texts)
        assert {(each["voice"], each["response_format"]) for each in server.asked} == {("autumn", "wav")}


async def test_groqs_voices_are_those_of_the_model() -> None:
    async with open_tts({"engine": "groq", "model": "canopylabs/orpheus-arabic-saudi"}) as voice:
        assert voice.voices[0] == "abdullah"


async def test_a_compatible_server_tells_its_voices_and_takes_others_too() -> None:
    told = {
        "engine": "openai_compatible",
        "model": "kokoro",
        "extra": {"lang_code": "b"},
        "settings": ["volume_multiplier"],
    }
    async with (
        openai_speech(kind="compatible", voices={"voices": ["af_heart", "am_adam"]}) as server,
        open_tts({"url": server.url, **told}) as voice,
    ):
        assert voice.voices == ("af_heart", "am_adam")
        await said(voice, "Hi there", manner=Manner(settings={"volume_multiplier": 2, "input": "x", "model": "y"}))
        await said(voice, "Hi there", voice="af_heart+am_adam")
    assert server.asked[0] == {
        "model": "kokoro",
        "voice": "af_heart",
        "input": "Hi there",
        "response_format": "pcm",
        "lang_code": "b",
        "volume_multiplier": 2,
    }
    assert server.asked[1]["voice"] == "af_heart+am_adam" and "authorization" not in server.headers[0]


@pytest.mark.parametrize(
    ("told", "sends", "made_at", "rate"),
    [
        ({"pcm_rate": 22050}, "pcm", 22050, 24000),
        ({"response_format": "wav"}, "wav", 44100, 48000),
        ({}, "wav", 22050, 16000),
        ({"rate": 8000}, "pcm", 24000, 8000),
    ],
)
async def test_what_a_server_makes_comes_at_our_rate(told: dict[str, Any], sends: Any, made_at: int, rate: int) -> None:
    async with (
        openai_speech(kind="compatible", sends=sends, made_at=made_at) as server,
        open_tts({"engine": "openai_compatible", "url": server.url, "rate": rate, **told}) as voice,
    ):
        heard = await said(voice, "Hello there.")
    assert voice.rate == rate and abs(len(heard) / 2 / rate - 0.06 * 12) < 0.01


async def test_voices_are_listed_where_a_server_can() -> None:
    async def listed(change: dict[str, Any], **told: Any) -> list[str]:
        async with (
            openai_speech(kind="compatible", **change) as server,
            open_tts({"engine": "openai_compatible", "url": server.url, **told}) as voice,
        ):
            assert isinstance(voice, SpeechVoice)
            return [each.id for each in await voice.list_voices()]

    assert await listed({"voices": [{"voice_id": "a"}]}) == ["a"]
    assert await listed({"voices": [{"voice_id": "a"}]}, voices=["mine"]) == ["mine"]
    assert await listed({"voices": None}) == []
    assert await listed({"voices": "junk"}) == []


async def test_a_list_that_cannot_be_had_is_a_failure() -> None:
    async with openai_speech(kind="compatible") as server:
        pass
    async with open_tts({"engine": "openai_compatible", "url": server.url, "attempts": 1}) as voice:
        assert isinstance(voice, SpeechVoice) and voice.voices == ()
        with pytest.raises(BridgeError):
            await voice.list_voices()


def test_no_key_no_header() -> None:
    assert bearer("") == {} and bearer("k") == {"Authorization": "Bearer k"}


async def test_the_simulator_refuses_what_the_sdk_would_not_send() -> None:
    told = {"engine": "openai", "extra": {"lang_code": "b"}, "attempts": 1}
    async with openai_speech(kind="openai") as server, open_tts({"url": server.url, **told}) as voice:
        with pytest.raises(BridgeError, match="500"):
            await said(voice, "Hi there")
