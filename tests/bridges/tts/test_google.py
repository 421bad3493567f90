import json
from typing import Any

import pytest

from bridges.tts.google import LIMIT, GoogleSpeech
from mediaserver.errors import BridgeError
from mediaserver.speech import Manner
from tests.bridges.tts.engines import open_tts, said
from tests.servers.google_texttospeech import answer_of, google_texttospeech
from tests.servers.google_tokens import token_server
from tests.servers.speaking import sound_of


async def asked(manner: Manner = Manner(), *, told: dict[str, Any] | None = None, **spoken: Any) -> dict[str, Any]:  # noqa: B008
    async with google_texttospeech() as server:
        async with open_tts({"engine": "google", "url": server.url, "key": "AIza", **(told or {})}) as voice:
            await said(voice, "Hello there.", manner=manner, **spoken)
        assert server.headers[0]["x-goog-api-key"] == "AIza"
        return dict(server.asked[0])


async def test_what_google_is_asked() -> None:
    manner = Manner(
        "cheerful", settings={"pitch": 99, "volumeGainDb": -3.5, "effectsProfileId": ["telephony-class-application"]}
    )
    assert await asked(manner, told={"rate": 16000}, voice="de-DE-Neural2-F", speed=3.0) == {
        "input": {"text": "Hello there."},
        "voice": {"languageCode": "de-DE", "name": "de-DE-Neural2-F"},
        "audioConfig": {
            "audioEncoding": "LINEAR16",
            "sampleRateHertz": 16000,
            "speakingRate": 2.0,
            "pitch": 20.0,
            "volumeGainDb": -3.5,
            "effectsProfileId": ["telephony-class-application"],
        },
    }


async def test_gemini_takes_its_manner_in_words() -> None:
    found = await asked(Manner("cheerful", language="de-DE"), told={"model": "gemini-2.5-flash-tts"}, voice="Kore")
    assert found["input"] == {"text": "Hello there.", "prompt": "cheerful"}
    assert found["voice"] == {"languageCode": "de-DE", "name": "Kore", "modelName": "gemini-2.5-flash-tts"}
    long = await asked(Manner("ä" * LIMIT), told={"model": "gemini-2.5-pro-tts"}, voice="nobody")
    assert long["voice"]["name"] == "Charon" and 3000 < len(long["input"]["prompt"].encode()) < LIMIT


async def test_effects_may_be_configured_and_an_unknown_voice_is_the_default() -> None:
    found = await asked(told={"effects": ["headphone-class-device"]}, voice="alloy")
    assert found["voice"]["name"] == "en-US-Chirp3-HD-Charon" and "speakingRate" not in found["audioConfig"]
    assert found["audioConfig"]["effectsProfileId"] == ["headphone-class-device"]


async def test_a_service_account_pays_for_its_project() -> None:
    async with (
        token_server() as tokens,
        google_texttospeech() as server,
        open_tts({"engine": "google", "url": server.url, "credentials": tokens.key}) as voice,
    ):
        await voice.warm()  # type: ignore[attr-defined]
        assert tokens.sold == ["ya29.0"]
        assert await said(voice, "Hi there") == sound_of("Hi there", 24000)
    assert server.headers[0]["authorization"] == "Bearer ya29.0"
    assert server.headers[0]["x-goog-user-project"] == "a-project"


async def test_all_voices_are_told() -> None:
    async with google_texttospeech() as server, open_tts({"engine": "google", "url": server.url, "key": "k"}) as voice:
        assert isinstance(voice, GoogleSpeech)
        first, second = await voice.list_voices()
    assert (first.id, first.languages, first.gender) == ("en-US-Chirp3-HD-Charon", ("en-US",), "male")
    assert second.id == "de-DE-Neural2-F"


@pytest.mark.parametrize(
    "body", [b"{}", b'{"audioContent": 5}', b'{"audioContent": "a*b="}', answer_of(b"ID3" + bytes(100))]
)
async def test_an_answer_that_is_none(body: bytes) -> None:
    async with (
        google_texttospeech(body=body) as server,
        open_tts({"engine": "google", "url": server.url, "key": "k"}) as voice,
    ):
        with pytest.raises(BridgeError) as failed:
            await said(voice, "Hi there")
        assert failed.value.code == "protocol_error"


async def test_a_refusal_in_googles_words() -> None:
    error = {"error": {"code": 403, "message": "enable the API", "status": "PERMISSION_DENIED"}}
    async with (
        google_texttospeech(status=403, error=json.dumps(error).encode()) as server,
        open_tts({"engine": "google", "url": server.url, "key": "k"}) as voice,
    ):
        with pytest.raises(BridgeError, match="PERMISSION_DENIED: enable the API"):
            await said(voice, "Hi there")
