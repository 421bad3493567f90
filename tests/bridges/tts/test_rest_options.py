from typing import Any

import msgspec
import pytest

from bridges.tts import rest_options


@pytest.mark.parametrize(
    ("struct", "told"),
    [
        (rest_options.OpenAIVoice, {"rate": 22050}),
        (rest_options.OpenAIVoice, {"voice": "nova"}),
        (rest_options.AzureVoice, {"model": "m"}),
        (rest_options.AzureVoice, {"url": "https://x.openai.azure.com"}),
        (rest_options.CompatibleVoice, {"model": "m"}),
        (rest_options.CompatibleVoice, {"url": "u", "response_format": "mp3"}),
        (rest_options.CompatibleVoice, {"url": "u", "limit": 1}),
        (rest_options.CompatibleVoice, {"url": "u", "pcm_rate": 0}),
        (rest_options.GoogleVoice, {}),
        (rest_options.AzureSpeechVoice, {}),
    ],
)
def test_refuses_what_cannot_be(struct: type[msgspec.Struct], told: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(told, struct)


def test_defaults_need_as_little_as_can_be() -> None:
    assert msgspec.convert({}, rest_options.OpenAIVoice).rate == 24000
    assert msgspec.convert({"region": "westeurope"}, rest_options.AzureSpeechVoice).key == ""
