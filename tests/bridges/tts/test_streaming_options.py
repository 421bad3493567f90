import msgspec
import pytest

from bridges.tts.streaming_options import DeepgramSpeech, ElevenLabsSpeech


@pytest.mark.parametrize("struct", [DeepgramSpeech, ElevenLabsSpeech])
@pytest.mark.parametrize(
    "told",
    [{"transport": "udp"}, {"rate": 11025}, {"sockets": 0}, {"idle_s": 1000}, {"mode": "x"}, {"age_s": -1}],
)
def test_refuses_what_cannot_be(struct: type[msgspec.Struct], told: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(told, struct)
    assert msgspec.convert({"key": "k"}, struct)
