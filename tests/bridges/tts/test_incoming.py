import struct

import numpy as np
import pytest

from bridges.tts import incoming as module
from bridges.tts.incoming import Incoming, Samples
from mediaserver.errors import BridgeError
from tests.fakes.caller import tone

SOUND = tone(300, 24000)


def wav(pcm: bytes, rate: int = 24000, channels: int = 1, size: int = 0xFFFFFFFF) -> bytes:
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * 2 * channels, 2 * channels, 16)
    return b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0" + form + struct.pack("<4sI", b"data", size) + pcm


def heard(data: bytes, step: int, *, rate: int = 24000, told: int | None = 24000) -> bytes:
    one = Incoming(rate, told)
    sound = b"".join(one.feed(data[place : place + step]) for place in range(0, len(data), step))
    return sound + one.finish()


@pytest.mark.parametrize("step", [1, 3, 7, 1001, 100_000])
@pytest.mark.parametrize("data", [SOUND, wav(SOUND), wav(SOUND, size=len(SOUND)) + b"LIST\x04\0\0\0abcd"])
def test_sound_is_the_same_however_it_is_cut(data: bytes, step: int) -> None:
    assert heard(data, step) == SOUND


@pytest.mark.parametrize(("from_rate", "rate"), [(22050, 24000), (44100, 48000), (24000, 8000), (24000, 16000)])
def test_a_file_says_its_own_rate_and_is_brought_to_ours(from_rate: int, rate: int) -> None:
    pcm = tone(400, from_rate)
    made = heard(wav(pcm, from_rate), 777, rate=rate, told=None)
    assert abs(len(made) / 2 / rate - 0.4) < 0.01
    loud = [np.sqrt(np.mean(np.frombuffer(each, "<i2").astype(float) ** 2)) for each in (pcm, made)]
    assert loud[1] == pytest.approx(loud[0], rel=0.05)


def test_two_channels_become_one() -> None:
    left, right = np.full(500, 1000, "<i2"), np.full(500, -400, "<i2")
    stereo = np.column_stack((left, right)).tobytes()
    assert heard(wav(stereo, channels=2), 13) == np.full(500, 300, "<i2").tobytes()


def test_half_a_sample_at_the_end_is_nothing() -> None:
    assert heard(SOUND + b"\x01", 11) == SOUND
    assert Samples(24000, 24000).feed(b"\x01") == b""


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"ID3\x04" + bytes(100), 24000),
        (b"\xff\xfb\x90\x64" + bytes(100), 24000),
        (b"OggS" + bytes(100), 24000),
        (b"fLaC" + bytes(100), 24000),
        (b'{"error": {"message": "no"}}', 24000),
        (b"<html><body>Bad gateway</body></html>", 24000),
        (SOUND, None),
        (b"RIFF\xff\xff\xff\xffWAVE" + struct.pack("<4sI", b"JUNK", 60_000) + bytes(70_000), 24000),
        (b"", 24000),
        (b"\0\0", 24000),
        (wav(b""), 24000),
        (wav(SOUND, rate=24000)[:30], 24000),
    ],
)
def test_what_is_no_sound_is_refused_and_not_played(data: bytes, told: int | None) -> None:
    with pytest.raises(BridgeError) as refused:
        heard(data, 50, told=told)
    assert refused.value.code == "protocol_error"


def test_sound_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SECONDS", 0.2)
    with pytest.raises(BridgeError) as refused:
        heard(SOUND, 960)
    assert refused.value.code == "too_large"
