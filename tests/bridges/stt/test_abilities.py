import pytest

from bridges.stt.abilities import MODELS, UNKNOWN, abilities


@pytest.mark.parametrize(
    ("model", "like"),
    [
        ("gpt-4o-transcribe-diarize", "gpt-4o-transcribe-diarize"),
        ("gpt-4o-mini-transcribe-2025-12-15", "gpt-4o-mini-transcribe"),
        ("gpt-4o-transcribe", "gpt-4o-transcribe"),
        ("whisper-large-v3-turbo", "whisper-large-v3-turbo"),
        ("whisper-large-v3", "whisper-large-v3"),
    ],
)
def test_the_longest_name_counts(model: str, like: str) -> None:
    assert abilities(model) is MODELS[like]


def test_a_model_that_is_not_known_can_what_most_can() -> None:
    assert abilities("Systran/faster-whisper-small") is UNKNOWN
    assert "words" in UNKNOWN.features and not {"stream", "translate", "speakers"} & UNKNOWN.features
