import numpy as np
import pytest

from bridges.local.trim import Trimmer

RATE = 16000


def silence(ms: int) -> bytes:
    return bytes(RATE * ms // 1000 * 2)


def tone(ms: int) -> bytes:
    return np.full(RATE * ms // 1000, 5000, np.int16).tobytes()


@pytest.mark.parametrize("step", [2, 640, 100_000])
def test_keeps_fifty_milliseconds_around_speech_and_all_pauses_in_it(step: int) -> None:
    sound = silence(300) + tone(100) + silence(400) + tone(100) + silence(500)
    trimmer, kept = Trimmer(RATE), b""
    for at in range(0, len(sound), step):
        kept += trimmer.feed(sound[at : at + step])
    assert kept + trimmer.finish() == silence(50) + tone(100) + silence(400) + tone(100) + silence(50)


def test_silence_alone_is_nothing() -> None:
    trimmer = Trimmer(RATE)
    assert trimmer.feed(silence(1000)) + trimmer.finish() == b""
