import io
import struct
import wave
from io import FileIO
from pathlib import Path

import av
import pytest

from mediaserver.audio.wav import HEADER, MONO_HEADER, WavFile, header, whole_wav

RATE = 24000
SECOND = bytes(range(200)) * (RATE * 4 // 200)


def seconds(path: Path) -> float:
    """Return how long ffmpeg thinks that it is, by playing it."""
    with av.open(str(path)) as container:
        assert container.streams.audio[0].channels == 2
        return sum(frame.samples for frame in container.decode(audio=0)) / RATE


def test_can_be_played_at_any_moment_and_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "a.wav.part"
    with FileIO(path, "w") as file:
        wav = WavFile(file, RATE)
        wav.write(SECOND)
        wav.write(SECOND)
        assert seconds(path) == 2.0
        assert struct.unpack("<I", path.read_bytes()[4:8]) == (0xFFFFFFFF,)
        wav.finish()
    data = path.read_bytes()
    assert seconds(path) == 2.0
    assert data[HEADER:] == SECOND * 2
    assert struct.unpack("<4sI", data[:8]) == (b"RIFF", len(data) - 8)
    assert struct.unpack("<4sI", data[HEADER - 8 : HEADER]) == (b"data", len(data) - HEADER)


@pytest.mark.parametrize("size", [0, 4, (1 << 32) - 4096])
def test_up_to_four_gigabytes_it_is_what_everybody_reads(size: int) -> None:
    said = header(RATE, size)
    assert len(said) == HEADER and said[:4] == b"RIFF" and said[12:16] == b"JUNK"


def test_beyond_that_its_sizes_have_64_bits(tmp_path: Path) -> None:
    size = (1 << 32) + 4000
    said = header(RATE, size)
    assert len(said) == HEADER and said[:4] == b"RF64" and said[12:16] == b"ds64"
    assert struct.unpack("<QQQ", said[20:44]) == (size + HEADER - 8, size, size // 4)
    path = tmp_path / "long.wav"
    with FileIO(path, "w") as file:  # full of holes: it takes no room
        file.write(said)
        file.truncate(HEADER + size)
    with av.open(str(path)) as container:
        assert container.duration == pytest.approx(size / (4 * RATE) * av.time_base, rel=1e-4)


def test_a_disk_that_is_full_is_told() -> None:
    with FileIO("/dev/full", "w") as file, pytest.raises(OSError, match="No space"):
        WavFile(file, RATE)


def test_a_whole_file_can_be_played() -> None:
    pcm = bytes(range(200))
    written = whole_wav(bytearray(pcm), 16000)
    assert len(written) == MONO_HEADER + len(pcm)
    with wave.open(io.BytesIO(written)) as opened:
        assert (opened.getnchannels(), opened.getsampwidth(), opened.getframerate()) == (1, 2, 16000)
        assert opened.readframes(1000) == pcm
