import sys

import numpy as np
import pytest

from mediaserver.audio.denoise import PACKAGE
from mediaserver.audio.files import decoded
from mediaserver.audio.loudness import loudness
from mediaserver.audio.processing import NONE, FileSound, Processing, prepared
from mediaserver.errors import ConfigError
from tests.soundfiles import encoded, tone

RATE = 16000


def test_a_sound_in_a_file_is_read_and_written_in_place(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(np.arange(100, dtype="<i2").tobytes())
    with path.open("r+b", buffering=0) as file:
        sound = FileSound(file.fileno(), 100)
        assert len(sound) == 100
        assert list(sound.read(98, 200)) == [98, 99]
        assert list(sound.read(200, 300)) == []
        sound.write(10, np.array([-1, -2], np.int16))
    assert list(np.fromfile(path, "<i2")[9:13]) == [9, -1, -2, 12]


def test_nothing_is_done_that_is_not_wanted(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(tone(RATE, 1.0).tobytes())
    with path.open("r+b", buffering=0) as file:
        prepared(NONE)(FileSound(file.fileno(), RATE), RATE)
    assert path.read_bytes() == tone(RATE, 1.0).tobytes()


async def test_a_file_is_made_as_loud_as_is_wanted_by_the_child(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(encoded("flac", "flac", RATE, tone(RATE, 3.0) // 50))

    class Mapped(np.ndarray):
        def read(self, start: int, stop: int) -> np.ndarray:
            return self[start:stop]

    async with decoded(path, process=Processing(loudness=-23.0)) as sound:
        assert loudness(sound.pcm.view(Mapped), RATE) == pytest.approx(-23.0, abs=0.2)


async def test_what_is_not_installed_is_said_before_a_file_is_read(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, PACKAGE, None)
    with pytest.raises(ConfigError, match="noise"):
        async with decoded(tmp_path / "none", process=Processing(denoise=True)):
            pass


async def test_a_file_can_be_had_with_less_noise(tmp_path):
    pytest.importorskip(PACKAGE, reason="pywebrtc-audio is not installed")
    path = tmp_path / "a"
    noise = (500 * np.random.default_rng(1).standard_normal(3 * RATE)).astype("<i2")
    path.write_bytes(encoded("flac", "flac", RATE, noise))
    async with decoded(path, process=Processing(denoise=True)) as sound:
        assert len(sound.pcm) == len(noise)
        assert sound.pcm[RATE:].astype(float).std() < 0.6 * noise.astype(float).std()
