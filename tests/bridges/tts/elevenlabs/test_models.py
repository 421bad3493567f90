import pytest

from bridges.tts.elevenlabs.models import language, model


@pytest.mark.parametrize(
    ("name", "characters", "contexts", "code"),
    [
        ("eleven_flash_v2_5", 5000, True, "de"),
        ("eleven_multilingual_v2", 5000, True, ""),
        ("eleven_v3", 5000, False, "de"),
        ("eleven_v5_of_tomorrow", 5000, True, "de"),
    ],
)
def test_what_a_model_takes(name: str, characters: int, contexts: bool, code: str) -> None:
    facts = model(name)
    assert (facts.characters, facts.contexts, language("de-AT", facts)) == (characters, contexts, code)
    assert language("", facts) == ""
