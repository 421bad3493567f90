from typing import get_args

import pytest
from openai.types.audio.speech_create_params import Voice

from bridges.tts.presets import AZURE, GROQ, OPENAI, OPENAI_VOICES, Preset


def test_the_voices_are_those_of_the_sdk() -> None:
    assert set(get_args(get_args(Voice)[1])) == set(OPENAI_VOICES)


@pytest.mark.parametrize(
    ("preset", "model", "first", "count"),
    [
        (OPENAI, "gpt-4o-mini-tts", "alloy", 13),
        (OPENAI, "tts-1-hd", "alloy", 9),
        (AZURE, "whatever", "alloy", 13),
        (GROQ, "canopylabs/orpheus-v1-english", "autumn", 6),
        (GROQ, "canopylabs/orpheus-arabic-saudi", "abdullah", 6),
    ],
)
def test_the_voices_of_a_model(preset: Preset, model: str, first: str, count: int) -> None:
    voices = preset.voices_of(model)
    assert (voices[0], len(voices)) == (first, count)


def test_what_is_not_documented_has_no_voices() -> None:
    assert GROQ.voices_of("tomorrow/model") == () and (GROQ.response_format, OPENAI.response_format) == ("wav", "pcm")
