import msgspec
import pytest

from bridges.stt import STT, options


@pytest.mark.parametrize(
    ("engine", "told"),
    [
        ("openai", {"modle": "whisper-1"}),
        ("openai", {"max_bytes": 10}),
        ("openai", {"partials_every_s": 0.1}),
        ("azure", {"url": "https://r.openai.azure.com"}),
        ("azure", {"model": "d"}),
        ("openai_compatible", {"model": "m"}),
        ("openai_compatible", {"url": "http://127.0.0.1:8000/v1"}),
        ("google", {}),
        ("google", {"key": "k"}),
        ("google", {"credentials": "key.json", "location": "evil.example/"}),
        ("google", {"credentials": "key.json", "recognizer": "../x"}),
    ],
)
def test_refuses_what_cannot_be(engine: str, told: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(told, STT[engine].options)


def test_defaults_cost_nothing_that_was_not_asked_for() -> None:
    chosen = msgspec.convert({}, options.OpenAI)
    assert chosen.partials_every_s is None and chosen.key == ""
    assert msgspec.convert({"credentials": "key.json"}, options.Google).max_turn_s == 60
