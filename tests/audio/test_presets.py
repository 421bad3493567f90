import pytest

from mediaserver.audio.presets import PRESETS
from mediaserver.audio.speechfile import SpeechFile
from tests.soundfiles import tone


def size(form: str, name: str) -> int:
    """Return the bytes of five seconds."""
    file = SpeechFile(form, 24000, PRESETS[name])
    return len(file.feed(tone(24000, 5.0).tobytes()) + file.finish())


@pytest.mark.parametrize("form", ["mp3", "opus", "aac"])
def test_better_is_larger(form):
    assert size(form, "latency") < size(form, "balanced") < size(form, "quality")


@pytest.mark.parametrize("name", PRESETS)
def test_the_bit_rate_is_that_of_the_table(name):
    assert size("mp3", name) == pytest.approx(PRESETS[name].bit_rates["mp3"] / 8 * 5, rel=0.06)


def test_pieces_get_longer_and_effort_more():
    chosen = [PRESETS[name] for name in ("latency", "balanced", "quality")]
    assert [preset.piece_s for preset in chosen] == sorted(preset.piece_s for preset in chosen)
    assert [preset.opus_complexity for preset in chosen] == sorted(preset.opus_complexity for preset in chosen)
