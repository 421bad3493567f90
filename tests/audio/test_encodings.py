import numpy as np
import pytest

from mediaserver.audio.encodings import PCMA, PCMU, Encoding, Packer, Unpacker
from tests.fakes.caller import tone

PCM = Encoding("pcm", 24000)


def level(pcm: bytes) -> float:
    return float(np.sqrt(np.mean(np.frombuffer(pcm, "<i2").astype(float) ** 2)))


@pytest.mark.parametrize("encoding", [PCM, PCMU, PCMA, Encoding("pcm", 48000), Encoding("pcm", 8000)])
@pytest.mark.parametrize("rate", [8000, 16000, 24000])
def test_sound_survives_both_ways_in_pieces_of_any_length(encoding: Encoding, rate: int) -> None:
    sound = tone(400, rate)
    packer, unpacker = Packer(rate, encoding), Unpacker(encoding, rate)
    packed = packer.feed(sound) + packer.flush()
    frames = [frame for at in range(0, len(packed), 777) for frame in unpacker.feed(packed[at : at + 777])]
    assert {len(frame) for frame in frames} == {rate * 20 // 1000 * 2}
    assert 18 <= len(frames) <= 20
    assert level(b"".join(frames[3:-3])) == pytest.approx(level(sound), rel=0.05)


def test_one_step_is_one_frame() -> None:
    assert (Unpacker(PCM, 16000).step, Unpacker(PCMU, 16000).step) == (960, 160)


def test_what_is_left_over_ends_in_silence() -> None:
    unpacker = Unpacker(PCM, 24000)
    assert unpacker.feed(b"\1\0" * 10 + b"\1") == []
    assert unpacker.flush() == b"\1\0" * 10 + bytes(940)
    assert unpacker.flush() is None
    unpacker.feed(b"\1\0")
    unpacker.clear()
    assert unpacker.flush() is None
