import msgspec
import pytest

from bridges.stt import STT
from bridges.stt.streaming_options import Deepgram, Scribe


@pytest.mark.parametrize(
    ("struct", "told"),
    [
        (Deepgram, {"modell": "nova-3"}),
        (Deepgram, {"eager_eot_threshold": 0.1}),
        (Deepgram, {"eager_eot_threshold": 0.8, "eot_threshold": 0.7}),
        (Deepgram, {"eager_eot_threshold": 0.8}),
        (Deepgram, {"spare": -1}),
        (Scribe, {"idle": 1000}),
        (Scribe, {"smart_format": True}),
    ],
)
def test_refuses_what_cannot_be(struct: type[msgspec.Struct], told: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(told, struct)


def test_the_table_knows_both() -> None:
    assert (STT["deepgram"].options, STT["elevenlabs"].options) == (Deepgram, Scribe)
    assert msgspec.convert({"eager_eot_threshold": None, "keyterms": ["Neme"]}, Deepgram).keyterms == ("Neme",)
