import msgspec
import pytest

from bridges import options
from mediaserver.audio.opus import Library


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


def test_opus_is_refused_where_nobody_could_decode_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert msgspec.convert({"audio": "opus"}, options.DeepgramAgent).audio == "opus"
    monkeypatch.setattr(options, "libopus", lambda: Library("none", "", "", None))
    with pytest.raises(msgspec.ValidationError, match="libopus"):
        msgspec.convert({"audio": "opus"}, options.DeepgramAgent)
    assert msgspec.convert({}, options.DeepgramAgent).audio == "linear16"
