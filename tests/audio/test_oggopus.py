from io import FileIO
from pathlib import Path

import av
import numpy as np
import pytest

from mediaserver.audio.oggopus import OggOpusFile

RATE = 24000
TONE = (8000 * np.sin(2 * np.pi * 440 * np.arange(RATE // 2) / RATE)).astype("<i2")
HALF = np.stack((TONE, np.zeros_like(TONE)), axis=1).tobytes()


def read(path: Path) -> np.ndarray:
    """Return both sides at 48 kHz, as shares of full scale."""
    with av.open(str(path)) as container:
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)


def test_what_was_written_is_there_and_each_side_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.opus"
    with FileIO(path, "w") as file:
        opus = OggOpusFile(file, RATE)
        for _ in range(8):
            opus.write(HALF)
        opus.finish()
    left, right = read(path)
    assert len(left) == pytest.approx(4 * 48000, abs=480)
    assert np.abs(left[4800:-4800]).max() == pytest.approx(8000 / 32768, rel=0.1)
    assert np.abs(right[4800:-4800]).max() < 0.02
    assert path.stat().st_size < 4 * 64_000 / 8 * 1.5


def test_after_a_crash_all_but_the_last_seconds_can_be_played(tmp_path: Path) -> None:
    path = tmp_path / "a.opus.part"
    with FileIO(path, "w") as file:
        opus = OggOpusFile(file, RATE)
        for _ in range(12):
            opus.write(HALF)
        assert read(path).shape[1] >= 4 * 48000
        opus.finish()


def test_a_disk_that_is_full_is_told() -> None:
    with FileIO("/dev/full", "w") as file:
        opus = OggOpusFile(file, RATE)
        with pytest.raises(OSError, match="No space"):
            for _ in range(20):
                opus.write(HALF)
        del opus
