from typing import Any

import pytest

from bridges.tts.azure_speech import AzureSpeech
from mediaserver.errors import BridgeError
from mediaserver.speech import Manner
from tests.bridges.tts.engines import open_tts, said
from tests.servers.azure_speech import azure_speech

LANG = "{http://www.w3.org/XML/1998/namespace}lang"
MSTTS = "{https://www.w3.org/2001/mstts}"


async def test_the_text_is_read_as_it_was_written() -> None:
    text = 'AT&T said "5 < 7" & left; <break/> isn\'t a tag here \x00\x0b.'
    async with azure_speech() as server, open_tts({"engine": "azure_speech", "url": server.url, "key": "k"}) as voice:
        await said(voice, text)
    assert server.spoken == [text.replace("\x00\x0b", "  ")]
    assert server.headers[0]["ocp-apim-subscription-key"] == "k"
    assert server.headers[0]["x-microsoft-outputformat"] == "raw-24khz-16bit-mono-pcm"


@pytest.mark.parametrize(
    ("voice", "language", "wanted"),
    [
        ("", "", ("en-US-JennyNeural", "en-US")),
        ("nobody", "", ("en-US-JennyNeural", "en-US")),
        ("de-DE-KatjaNeural", "", ("de-DE-KatjaNeural", "de-DE")),
        ("en-US-AvaMultilingualNeural", "de-DE", ("en-US-AvaMultilingualNeural", "de-DE")),
    ],
)
async def test_the_voice_and_its_language(voice: str, language: str, wanted: tuple[str, str]) -> None:
    async with azure_speech() as server, open_tts({"engine": "azure_speech", "url": server.url}) as engine:
        await said(engine, "Hello.", voice=voice, manner=Manner(language=language))
    (document,) = server.asked
    assert (document[0].get("name"), document.get(LANG)) == wanted


async def test_the_manner_is_a_style_and_a_pace() -> None:
    manner = Manner("cheerful", settings={"styledegree": 1.5, "pitch": "+5%", "stability": 0.3})
    told: dict[str, Any] = {"engine": "azure_speech", "bearer": True, "key": "t", "rate": 8000}
    async with azure_speech() as server, open_tts({**told, "url": server.url}) as engine:
        await said(engine, "Hello.", speed=1.25, manner=manner)
    style = server.asked[0][0][0]
    assert style.tag == f"{MSTTS}express-as" and style.attrib == {"style": "cheerful", "styledegree": "1.5"}
    assert style[0].attrib == {"rate": "+25%", "pitch": "+5%"}
    assert server.headers[0]["authorization"] == "Bearer t"
    assert server.headers[0]["x-microsoft-outputformat"] == "raw-8khz-16bit-mono-pcm"


async def test_all_voices_are_told() -> None:
    async with azure_speech() as server, open_tts({"engine": "azure_speech", "url": server.url}) as engine:
        assert isinstance(engine, AzureSpeech)
        jenny, ava = await engine.list_voices()
    assert (jenny.id, jenny.name, jenny.gender) == ("en-US-JennyNeural", "Jenny", "female")
    assert jenny.description == "Styles: assistant, cheerful" and ava.languages == ("en-US", "de-DE")


async def test_a_refusal_in_plain_text() -> None:
    async with (
        azure_speech(status=400, error=b"Unsupported voice.") as server,
        open_tts({"engine": "azure_speech", "url": server.url}) as engine,
    ):
        with pytest.raises(BridgeError, match="Unsupported voice"):
            await said(engine, "Hello.")
