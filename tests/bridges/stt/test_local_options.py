import msgspec
import pytest

from bridges.stt import STT


@pytest.mark.parametrize(
    ("engine", "told"),
    [
        ("vosk", {"language": "en"}),
        ("vosk", {"model": "m"}),
        ("vosk", {"model": "", "language": "en"}),
        ("vosk", {"model": "m", "language": "en", "beam": 3}),
        ("faster_whisper", {}),
        ("faster_whisper", {"model": "m", "device": "tpu"}),
        ("faster_whisper", {"model": "m", "compute_type": "int4"}),
        ("faster_whisper", {"model": "m", "beam": 0}),
        ("faster_whisper", {"model": "m", "workers": 0}),
    ],
)
def test_refuses_what_cannot_be(engine: str, told: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(told, STT[engine].options)


def test_a_directory_is_all_that_whisper_needs() -> None:
    chosen = msgspec.convert({"model": "m"}, STT["faster_whisper"].options)
    assert (chosen.model, chosen.device, chosen.partials_every_s) == ("m", "auto", None)
