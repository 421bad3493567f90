from typing import Any

import pytest

from bridges.tts.elevenlabs.settings import body, voice_settings

BOOSTED = {"style": 1, "pitch": 3, "use_speaker_boost": True}


@pytest.mark.parametrize(
    ("defaults", "wanted", "speed", "settings"),
    [
        ({}, {}, 1.0, {}),
        ({"stability": 0.4}, BOOSTED, 1.0, {"stability": 0.4, "style": 1.0, "use_speaker_boost": True}),
        ({"stability": 0.4}, {"stability": 0.9}, 2.0, {"stability": 0.9, "speed": 1.2}),
        ({"speed": 0.9}, {}, 1.0, {"speed": 0.9}),
        ({"speed": 0.9}, {"stability": "much", "use_speaker_boost": 1, "style": True}, 0.1, {"speed": 0.7}),
    ],
)
def test_settings_are_those_that_are_known(
    defaults: dict[str, Any], wanted: dict[str, Any], speed: float, settings: dict[str, Any]
) -> None:
    assert voice_settings(defaults, wanted, speed) == settings


def test_a_body_has_no_empty_fields_and_little_of_what_was_before() -> None:
    assert body("Hi", "m", settings={}, language="", before="") == {"text": "Hi", "model_id": "m"}
    full = body("Hi", "m", settings={"style": 1.0}, language="de", before="x" * 2000)
    assert (full["language_code"], full["voice_settings"], len(full["previous_text"])) == ("de", {"style": 1.0}, 1000)
