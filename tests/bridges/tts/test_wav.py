import io
import struct
import wave

import pytest

from bridges.tts.wav import MAX_HEADER, Opening, opening
from mediaserver.audio.wav import header
from mediaserver.errors import BridgeError


def file_of(rate: int = 22050, channels: int = 1, width: int = 2) -> bytes:
    with io.BytesIO() as target:
        with wave.open(target, "wb") as written:
            written.setnchannels(channels)
            written.setsampwidth(width)
            written.setframerate(rate)
            written.writeframes(bytes(100 * width * channels))
        return target.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack("<4sI", name, len(body)) + body + bytes(len(body) & 1)


FORM = struct.pack("<HHIIHH", 1, 1, 24000, 48000, 2, 16)
EXTENSIBLE = struct.pack("<HHIIHHHHIH", 0xFFFE, 2, 48000, 192000, 4, 16, 22, 16, 3, 1) + bytes(14)


def riff(*chunks: bytes, data: int = 0xFFFFFFFF) -> bytes:
    return b"RIFF\xff\xff\xff\xffWAVE" + b"".join(chunks) + struct.pack("<4sI", b"data", data)


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (file_of(), Opening(22050, 1, 44, 200)),
        (file_of(channels=2), Opening(22050, 2, 44, 400)),
        (riff(chunk(b"fmt ", FORM)), Opening(24000, 1, 44, None)),
        (riff(chunk(b"fmt ", FORM), data=0), Opening(24000, 1, 44, None)),
        (riff(chunk(b"LIST", b"odd"), chunk(b"fmt ", FORM)), Opening(24000, 1, 56, None)),
        (riff(chunk(b"fmt ", EXTENSIBLE)), Opening(48000, 2, 68, None)),
        (header(24000, None), Opening(24000, 2, 80, None)),
    ],
)
def test_a_header_is_read_wherever_it_is_cut(data: bytes, wanted: Opening) -> None:
    assert opening(data) == wanted
    assert all(opening(data[:cut]) is None for cut in range(wanted.start))


@pytest.mark.parametrize(
    "data",
    [
        b"ID3\x04" + bytes(20),
        b"RIFF\0\0\0\0AVI " + bytes(20),
        riff(),
        riff(chunk(b"fmt ", b"short")),
        file_of(width=1),
        file_of(channels=3),
        riff(chunk(b"fmt ", struct.pack("<HHIIHH", 3, 1, 24000, 96000, 4, 32))),
        riff(chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 0, 0, 2, 16))),
        b"RIFF\xff\xff\xff\xffWAVE" + struct.pack("<4sI", b"JUNK", MAX_HEADER),
    ],
)
def test_what_is_no_such_file_is_refused(data: bytes) -> None:
    with pytest.raises(BridgeError) as refused:
        opening(data)
    assert refused.value.code == "protocol_error"
