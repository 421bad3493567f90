"""WAV files. One that is written as it comes can be played at any moment, and says how long it is when it is complete.

Source: Microsoft/IBM "Multimedia Programming Interface and Data Specifications 1.0" (RIFF WAVE); EBU Tech 3306 (RF64), for
what is longer than 4 GB: the chunk ``JUNK`` that keeps room for its sizes becomes ``ds64``.
"""

from __future__ import annotations

import struct
from io import FileIO

HEADER = 80
MONO_HEADER = 44
UNKNOWN = 0xFFFFFFFF
"""The size of what is still being written: to its end, whatever that is."""

CHANNELS = 2


def header(rate: int, size: int | None) -> bytes:
    """Return what stands before ``size`` bytes of PCM16 stereo at ``rate`` Hz; ``None``: not known yet."""
    riff = UNKNOWN if size is None else HEADER - 8 + size
    large = size is not None and riff > UNKNOWN - 1
    if large:
        sizes = struct.pack("<4sIQQQI", b"ds64", 28, riff, size, (size or 0) // (2 * CHANNELS), 0)
    else:
        sizes = struct.pack("<4sI28x", b"JUNK", 28)
    first = struct.pack("<4sI4s", b"RF64" if large else b"RIFF", UNKNOWN if large else riff, b"WAVE")
    return (
        first + sizes + _form(CHANNELS, rate) + struct.pack("<4sI", b"data", UNKNOWN if size is None or large else size)
    )


def mono_header(rate: int, size: int | None) -> bytes:
    """Return what stands before ``size`` bytes of PCM16 mono at ``rate`` Hz, up to 4 GB; ``None``: not known yet."""
    riff, data = (UNKNOWN, UNKNOWN) if size is None else (36 + size, size)
    return struct.pack("<4sI4s", b"RIFF", riff, b"WAVE") + _form(1, rate) + struct.pack("<4sI", b"data", data)


def whole_wav(pcm: bytes | bytearray, rate: int) -> bytes:
    """Return PCM16 mono as a file that says how long it is."""
    return b"".join((mono_header(rate, len(pcm)), pcm))


def _form(channels: int, rate: int) -> bytes:
    frame = 2 * channels
    return struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, rate * frame, frame, 16)


class WavFile:
    """PCM16 stereo into an open, unbuffered file. Raises OSError when the disk does not take it."""

    def __init__(self, file: FileIO, rate: int) -> None:
        self._file = file
        self._rate = rate
        self._size = 0
        _write(file, header(rate, None))

    def write(self, pcm: bytes) -> None:
        """Append sound, left and right in turn."""
        _write(self._file, pcm)
        self._size += len(pcm)

    def finish(self) -> None:
        """Write down how long it is."""
        self._file.seek(0)
        _write(self._file, header(self._rate, self._size))


def _write(file: FileIO, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[file.write(left) or 0 :]
