import msgspec
import pytest

from bridges import options


@pytest.mark.parametrize(
    ("struct", "told"),
    [
        (options.LocalRecogniser, {"workers": 0}),
        (options.LocalRecogniser, {"wokers": 2}),
        (options.LocalVoice, {"max_wait_s": -1}),
        (options.OpenAICompatible, {"model": "m"}),
        (options.Deadlines, {"clause_s": "soon"}),
        (options.Hybrid, {"deadlines": {"warm": 3}}),
        (options.Echo, {"volume": 11}),
    ],
)
def test_refuses_what_cannot_be(struct: type[msgspec.Struct], told: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(told, struct)


def test_defaults_need_nothing() -> None:
    chosen = msgspec.convert({}, options.Hybrid)
    assert (chosen.stt, chosen.llm, chosen.tts) == ({}, {}, {})
    assert msgspec.convert({"base_url": "http://127.0.0.1:1/v1", "model": "m"}, options.OpenAICompatible).key == ""
