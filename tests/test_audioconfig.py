from typing import Any

import pytest

from mediaserver.audioconfig import Audio, check_audio
from mediaserver.configfile import parse
from mediaserver.errors import ConfigError


def test_the_default_is_the_engine_on_this_machine() -> None:
    audio = Audio()
    check_audio(audio)
    assert audio.transcription == audio.speech == {"local": {"engine": "local"}}
    assert audio.models == {"local"} and audio.max_upload == 200 * 1024 * 1024


def test_it_shows_no_keys() -> None:
    assert "sk-secret" not in repr(Audio(speech={"far": {"engine": "x", "key": "sk-secret"}}))


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"default_transcription": "none"}, "audio.default_transcription"),
        ({"default_speech": "none"}, "audio.default_speech"),
        ({"aliases": {"whisper-1": "none"}}, "audio.aliases.whisper-1"),
        ({"speech": {"local": {"voice": 1}}}, "audio.speech.local.voice"),
    ],
)
def test_names_that_lead_nowhere_are_refused(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(ConfigError) as refused:
        check_audio(Audio(**changes))
    assert refused.value.path == path


def test_it_is_a_section_of_the_file() -> None:
    config = parse(b"audio: {transcription: {far: {engine: local}}, aliases: {whisper-1: far}}")
    assert config.audio.models == {"far", "local"}
    with pytest.raises(ConfigError) as refused:
        parse(b"audio: {aliases: {whisper-1: none}}")
    assert refused.value.path == "audio.aliases.whisper-1"


def test_a_key_may_be_held_to_a_model_of_the_audio_api() -> None:
    text = b"{keys: [{name: a, key: k, models: [far]}], audio: {speech: {far: {}}}}"
    assert parse(text).keys[0].models == ("far",)
