"""The official Python SDK writes down files and speaks texts here with only its base URL changed."""

from __future__ import annotations

import base64
import io
import json
import shutil
import subprocess
from typing import Any, Literal

import openai
import pytest
from openai.types.audio import TranscriptionDiarized, TranscriptionVerbose
from pydantic import BaseModel

from mediaserver.audioconfig import Audio
from mediaserver.config import Config, Media, Model
from mediaserver.speech import FileAsk
from tests.servers.openai_speech import openai_speech
from tests.servers.openai_speech_to_text import speech_to_text
from tests.signaling.audio.stage import HUM, Ears, Stage, stage
from tests.signaling.houses import house

pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
"""The SDK calls translations, and models by their old names, deprecated."""

PROBE = shutil.which("ffprobe")
CODECS = {"mp3": "mp3", "opus": "opus", "aac": "aac", "flac": "flac", "wav": "pcm_s16le"}


def file(name: str = "a.wav", sound: bytes = HUM) -> io.BytesIO:
    opened = io.BytesIO(sound)
    opened.name = name
    return opened


async def test_the_shapes_of_transcripts() -> None:
    async with stage() as here, here.sdk() as user:
        create = user.audio.transcriptions.create
        plain = await create(model="far", file=file())
        assert plain.text == here.ears.text and plain.usage is not None and plain.usage.type == "duration"
        assert await create(model="far", file=file(), response_format="text") == f"{here.ears.text}\n"
        srt = await create(model="far", file=file(), response_format="srt")
        assert srt.startswith("1\n00:00:00,100 --> 00:00:00,900\nx: Hello there.\n\n2\n")
        assert (await create(model="far", file=file(), response_format="vtt")).startswith("WEBVTT\n\n00:00:00.100")
        verbose = await create(
            model="far", file=file(), response_format="verbose_json", timestamp_granularities=["word", "segment"]
        )
        TranscriptionVerbose.model_validate(verbose.model_dump(), strict=True)
        assert verbose.language == "english" and len(verbose.words or ()) == 3 and len(verbose.segments or ()) == 2
        assert verbose.duration == 1.5
        diarized: Any = await create(
            model="far", file=file(), response_format="diarized_json", chunking_strategy="auto"
        )
        TranscriptionDiarized.model_validate(diarized.model_dump(), strict=True)
        assert [each.speaker for each in diarized.segments] == ["A", "B"]


async def test_all_that_can_be_asked_reaches_the_engine() -> None:
    async with stage() as here, here.sdk() as user:
        await user.audio.transcriptions.create(
            model="far",
            file=file(),
            languages=["de"],
            keywords=["Neme", "Vax"],
            prompt="a talk",
            temperature=0.2,
            chunking_strategy={"type": "server_vad", "threshold": 0.4, "silence_duration_ms": 300},
            response_format="verbose_json",
            timestamp_granularities=["word"],
        )
        assert here.ears.asks == [FileAsk("de", "a talk", 0.2, ("Neme", "Vax"), words=True)]
        assert here.ears.heard[0].data == HUM and here.ears.heard[0].kind == "wav"


async def test_a_stream_of_events() -> None:
    async with stage() as here, here.sdk() as user:
        events = [e async for e in await user.audio.transcriptions.create(model="far", file=file(), stream=True)]
        assert [event.type for event in events] == ["transcript.text.delta"] * 2 + ["transcript.text.done"]
        assert "".join(event.delta for event in events[:2]) == events[2].text == here.ears.text  # type: ignore[union-attr]
        events = [
            each
            async for each in await user.audio.transcriptions.create(
                model="far", file=file(), stream=True, response_format="diarized_json"
            )
        ]
        assert [event.speaker for event in events if event.type == "transcript.text.segment"] == ["A", "B"]


async def test_translations() -> None:
    async with stage() as here, here.sdk() as user:
        said = await user.audio.translations.create(model="far", file=file())
        assert said.text == here.ears.text and here.ears.asks[0].translate
        verbose: Any = await user.audio.translations.create(model="far", file=file(), response_format="verbose_json")
        assert verbose.language == "english" and verbose.segments


@pytest.mark.parametrize(
    ("changes", "kind", "param"),
    [
        ({"model": "whisper-1"}, openai.NotFoundError, "model"),
        ({"include": ["logprobs"]}, openai.BadRequestError, "include"),
        ({"response_format": "vtt", "stream": True}, openai.BadRequestError, "stream"),
        ({"known_speaker_names": ["ann"]}, openai.BadRequestError, "known_speaker_names"),
        ({"known_speaker_references": ["data:" + "A" * 100_000]}, openai.BadRequestError, "known_speaker_references"),
    ],
)
async def test_errors_are_the_sdks_own(changes: dict[str, Any], kind: type[openai.APIStatusError], param: str) -> None:
    async with stage() as here, here.sdk() as user:
        with pytest.raises(kind) as refused:
            await user.audio.transcriptions.create(**{"model": "far", "file": file()} | changes)
        assert refused.value.param == param and refused.value.type == "invalid_request_error"
        assert set(refused.value.body) == {"message", "type", "param", "code"}  # type: ignore[arg-type]
        assert not here.ears.asks


@pytest.mark.parametrize("sound", [b"RIFF\0\0\0\0WAVEjunk", b"", b"%PDF-1.4 no sound"])
async def test_a_file_of_no_use_is_an_error_too(sound: bytes) -> None:
    async with stage(decoder=True) as here, here.sdk() as user:
        with pytest.raises(openai.BadRequestError) as refused:
            await user.audio.transcriptions.create(model="far", file=file("a.wav", sound))
        assert refused.value.param == "file" and not here.ears.asks


@pytest.mark.parametrize("form", ["mp3", "opus", "aac", "flac", "wav"])
async def test_speech_is_a_file_that_others_read(form: Any) -> None:
    async with stage() as here, here.sdk() as user:
        answer = await user.audio.speech.create(model="far", voice="bob", input="one two three", response_format=form)
        probed = probe(answer.content) if PROBE else {}
    assert here.mouth.said[0][:3] == ("one two three", "bob", 1.0)
    if probed:
        assert probed["streams"][0]["codec_name"] == CODECS[form] and probed["streams"][0]["channels"] == 1


def probe(data: bytes) -> Any:
    how = (str(PROBE), "-v", "error", "-show_streams", "-of", "json", "-")
    return json.loads(subprocess.run(how, input=data, capture_output=True, check=True).stdout)


@pytest.mark.parametrize("form", ["mp3", "opus", "aac", "flac", "wav", "pcm"])
async def test_speech_comes_in_pieces(form: Any) -> None:
    async with stage() as here, here.sdk() as user:
        asked = {"model": "far", "voice": "bob", "input": "one two three", "response_format": form}
        whole = (await user.audio.speech.create(**asked)).content
        async with user.audio.speech.with_streaming_response.create(**asked) as answer:
            assert same(form, b"".join([piece async for piece in answer.iter_bytes(1000)]), whole)
        async with user.audio.speech.with_streaming_response.create(**asked, stream_format="sse") as answer:
            events = [json.loads(line[6:]) async for line in answer.iter_lines() if line.startswith("data: ")]
        assert same(form, b"".join(base64.b64decode(each["audio"]) for each in events[:-1]), whole)
        for each in events[:-1]:
            SpeechAudioDeltaEvent.model_validate(each, strict=True)
        SpeechAudioDoneEvent.model_validate(events[-1], strict=True)


def same(form: str, one: bytes, other: bytes) -> bool:
    """Compare two files; each Ogg stream has a number of its own, which changes the sums of its pages too."""
    return len(one) == len(other) if form == "opus" else one == other


class SpeechAudioDeltaEvent(BaseModel):
    """OpenAI's API reference, "speech.audio.delta": the SDK has no type of it."""

    type: Literal["speech.audio.delta"]
    audio: str


class SpeechAudioDoneEvent(BaseModel):
    """The same of "speech.audio.done"."""

    type: Literal["speech.audio.done"]
    usage: dict[Literal["input_tokens", "output_tokens", "total_tokens"], int]


async def test_voices_are_listed_to_a_plain_get_of_the_sdk() -> None:
    async with stage() as here, here.sdk() as user:
        told = await user.get("/audio/voices", cast_to=dict[str, Any])
        assert [voice["id"] for voice in told["data"]] == ["ann", "bob"]


async def test_speech_as_pcm_with_all_that_can_be_asked() -> None:
    async with stage(voice_aliases={"alloy": "ann"}) as here, here.sdk() as user:
        answer = await user.audio.speech.create(
            model="far", voice={"id": "alloy"}, input="one two", response_format="pcm", speed=1.5, instructions="softly"
        )
        assert answer.response.headers["Content-Type"] == "audio/pcm" and len(answer.content) == 2 * 2400 * 2
        text, voice, speed, manner = here.mouth.said[0]
        assert (text, voice, speed, manner.instructions) == ("one two", "ann", 1.5, "softly")


async def test_voices_and_models_are_listed() -> None:
    async with stage(aliases={"whisper-1": "far"}) as here, here.sdk() as user:
        models = {model.id: model async for model in user.models.list()}
        assert set(models) == {"local", "echo", "far", "whisper-1"} and models["far"].object == "model"
        one = await user.models.retrieve("far")
        assert one.model_extra is not None and one.model_extra["capabilities"]["speech"]["voices"] == ["ann", "bob"]


async def azure(here: Stage) -> openai.AsyncAzureOpenAI:
    endpoint = str(here.fixture.client.make_url("/"))
    return openai.AsyncAzureOpenAI(
        api_key="sk-local", azure_endpoint=endpoint, api_version="2025-04-01-preview", max_retries=0
    )


async def test_azures_client() -> None:
    async with stage() as here, await azure(here) as user:
        assert (await user.audio.transcriptions.create(model="far", file=file())).text == here.ears.text
        assert (await user.audio.translations.create(model="far", file=file())).text == here.ears.text
        spoken = await user.audio.speech.create(model="far", voice="ann", input="one", response_format="wav")
        assert spoken.content.startswith(b"RIFF")
        with pytest.raises(openai.NotFoundError):
            await user.audio.speech.create(model="none", voice="ann", input="one")


async def test_with_openai_itself_behind_it() -> None:
    """Behind it are servers that hold every request to the SDK's own parameters."""
    async with speech_to_text() as listener, openai_speech() as speaker:
        heard = {"engine": "openai", "key": "sk-1", "url": f"{listener.url}/v1"}
        audio = Audio(
            transcription={"new": heard, "old": heard | {"model": "whisper-1"}},
            speech={"new": {"engine": "openai", "key": "sk-1", "url": speaker.url, "voice": "marin"}},
            aliases={"whisper-1": "old", "gpt-4o-mini-tts": "new"},
        )
        async with house(echoing(audio)) as client, sdk(client) as user:
            create = user.audio.transcriptions.create
            plain, verbose = (
                await create(model="new", file=file()),
                await create(
                    model="whisper-1", file=file(), response_format="verbose_json", timestamp_granularities=["word"]
                ),
            )
            assert plain.text == verbose.text == "Hello there." and plain.usage.type == "tokens"  # type: ignore[union-attr]
            assert [word.word for word in verbose.words or ()] == ["Hello", "there."]
            spoken = await user.audio.speech.create(
                model="gpt-4o-mini-tts", voice="nova", input="Hi.", response_format="wav"
            )
            assert spoken.content.startswith(b"RIFF") and speaker.asked[0]["voice"] == "nova"


@pytest.mark.parametrize("form", ["json", "text", "srt", "verbose_json", "vtt"])
async def test_every_shape_and_translations_with_openai_behind_it(form: Any) -> None:
    async with speech_to_text() as listener:
        heard = {"engine": "openai", "key": "sk-1", "url": f"{listener.url}/v1", "model": "whisper-1"}
        async with house(echoing(Audio(transcription={"far": heard}))) as client, sdk(client) as user:
            audio = user.audio
            for create in (audio.transcriptions.create, audio.translations.create):
                told = await create(model="far", file=file(), response_format=form)
                assert "Hello" in (told if isinstance(told, str) else told.text) and "there." in str(told)


async def test_a_stream_with_openai_behind_it() -> None:
    async with speech_to_text() as listener:
        heard = {"engine": "openai", "key": "sk-1", "url": f"{listener.url}/v1", "model": "gpt-4o-transcribe"}
        async with house(echoing(Audio(transcription={"far": heard}))) as client, sdk(client) as user:
            events = [e async for e in await user.audio.transcriptions.create(model="far", file=file(), stream=True)]
            assert [event.type for event in events] == ["transcript.text.delta"] * 2 + ["transcript.text.done"]


def echoing(audio: Audio) -> Config:
    media = Media(port=0, addresses=("127.0.0.1",))
    return Config(media=media, models={"echo": Model(bridge="echo")}, default_model="echo", audio=audio)


def sdk(client: Any) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key="sk-local", base_url=str(client.make_url("/v1")), max_retries=0)


@pytest.mark.engines
async def test_the_engines_on_this_machine_understand_each_other() -> None:
    async with house(echoing(Audio())) as client, sdk(client) as user:
        spoken = await user.audio.speech.create(model="local", voice="en-US", input="one two three")
        said = await user.audio.transcriptions.create(model="local", file=file("a.mp3", spoken.content))
        assert "two three" in said.text


def test_the_ears_of_these_tests_are_an_engine() -> None:
    assert Ears().file_limits.max_bytes > len(HUM)
