import pytest

from bridges.codec import Garbled
from bridges.elevenlabs.sound import FORMATS, Speaker
from mediaserver.audio import g711
from tests.servers import toned


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_heard_at_our_rate(name: str) -> None:
    rate = FORMATS[name].rate
    sound = toned.speak(3, 4, rate)
    data = g711.encode_ulaw(sound) if name.startswith("ulaw") else sound
    speaker = Speaker(FORMATS[name], 24000)
    step = len(data) // 7 & ~1
    heard = b"".join(speaker.feed(data[start : start + step]) for start in range(0, len(data), step)) + speaker.end()
    assert toned.sentences(heard, 24000) == [3]
    assert abs(len(heard) - len(sound) * 24000 / rate) <= 2 * 24000 * 0.005


def test_half_a_sample_is_nonsense() -> None:
    with pytest.raises(Garbled):
        Speaker(FORMATS["pcm_16000"], 24000).feed(b"\0\0\0")


def test_what_was_cut_does_not_sound_on() -> None:
    speaker = Speaker(FORMATS["pcm_16000"], 24000)
    speaker.feed(b"\x00\x40" * 320)
    speaker.clear()
    assert not any(speaker.feed(bytes(640)))
