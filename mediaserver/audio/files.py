"""Files of sound that others send: which kind, and what is in them. Read by a child process that can do nothing else."""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO, Final, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from mediaserver.audio import decoders
from mediaserver.audio.denoise import find_denoiser
from mediaserver.audio.processing import NONE as NONE
from mediaserver.audio.processing import Processing as Processing
from mediaserver.errors import UnsupportedSound, UnusableSound
from mediaserver.tasks import opened_beside

log = logging.getLogger(__name__)

KINDS: Final = ("wav", "flac", "ogg", "webm", "mp3", "m4a")
"""What is read."""

HEAD = 4096
"""Bytes from which :func:`kind_of` knows the kind."""


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What one file may cost: seconds of sound, seconds of time, bytes of memory while it is decoded."""

    max_seconds: float = 14_400.0
    wall_s: float = 60.0
    memory_bytes: int = 512 * 1024 * 1024


@dataclass(slots=True)
class Decoded:
    """The sound of a file. ``duration`` in seconds, ``rate`` in Hz, ``pcm`` mono and read-only, in a file that goes with it.

    When the context is left ``pcm`` is empty.
    """

    kind: str
    duration: float
    rate: int
    pcm: NDArray[np.int16]


_NOTHING: NDArray[np.int16] = np.zeros(0, np.int16)

_SENTENCES = {
    "empty_file": "The file is empty.",
    "no_audio": "There is no sound in the file.",
    "undecodable": "The file cannot be decoded: it is damaged, or not what its first bytes say.",
    "unsupported_codec": "The sound in the file is encoded in a way that is not supported.",
    "unsupported_channels": "The file has too many channels, or none.",
    "unsupported_rate": "The sample rate of the file is not supported.",
    "too_slow": "Decoding the file takes too long.",
    "too_complex": "Decoding the file needs too much memory.",
}


def kind_of(head: bytes) -> str:
    """Return which of ``KINDS`` a file is, from its first bytes and nothing else. Raises UnsupportedSound.

    ``head``: the first ``HEAD`` bytes, or all of a shorter file. Sources: RIFF and RF64, RFC 9639, RFC 3533, RFC 8794,
    ISO/IEC 11172-3 §2.4.2.3 and ID3v2, ISO/IEC 14496-12 §4.3.
    """
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return "wav"
    if head[4:8] == b"ftyp":
        return "m4a"
    if head[:4] == b"\x1a\x45\xdf\xa3" and b"\x42\x82\x84webm" in head[:HEAD]:
        return "webm"
    for magic, kind in ((b"fLaC", "flac"), (b"OggS", "ogg"), (b"ID3", "mp3")):
        if head.startswith(magic):
            return kind
    if _is_mpeg_frame(head):
        return "mp3"
    raise UnsupportedSound(f"This is no file of sound that is supported. Supported are: {', '.join(KINDS)}.")


def _is_mpeg_frame(head: bytes) -> bool:
    """Tell a frame of MPEG audio, which begins every MP3 file without a tag: sync, version, layer III, bit rate, rate."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer, bit_rate, rate = (head[1] >> 3) & 3, (head[1] >> 1) & 3, head[2] >> 4, (head[2] >> 2) & 3
    return version != 1 and layer == 1 and bit_rate not in (0, 15) and rate != 3


@asynccontextmanager
async def decoded(
    path: Path, *, rate: int = 16000, limits: DecodeLimits = DecodeLimits(), process: Processing = NONE
) -> AsyncIterator[Decoded]:
    """Decode a file of sound to PCM16 mono at ``rate`` Hz and keep it while the context is open.

    Raises UnusableSound (with UnsupportedSound), OSError when the file cannot be opened, Overloaded when too many are being
    read, and ConfigError when what ``process`` needs is not installed. What can be decoded of a damaged file is returned; of
    several tracks the first. The sound lies in the folder for temporary files, 115 MB for an hour at 16 kHz.
    """
    if process.denoise:
        find_denoiser()
    held: list[NDArray[np.int16]] = []
    async with (
        opened_beside(lambda: _opened(path), lambda opened: opened[0].close()) as (source, kind),
        opened_beside(_nameless, lambda sink: sink.close()) as sink,
    ):
        try:
            answer = await _asked(
                source, sink, {"kind": kind, "rate": rate, **asdict(limits), **asdict(process)}, limits
            )
            pcm = await asyncio.to_thread(_mapped, sink, answer.samples)
            sound = Decoded(kind, len(pcm) / rate, rate, pcm)
            del pcm
            try:
                yield sound
            finally:
                held, sound.pcm = [sound.pcm], _NOTHING
        finally:
            await asyncio.to_thread(_let_go, held, sink)


class _Answer(msgspec.Struct):
    samples: int = 0
    code: str = ""
    confined: bool = False


async def _asked(source: BinaryIO, sink: BinaryIO, request: dict[str, object], limits: DecodeLimits) -> _Answer:
    async with decoders.current().decoder() as decoder:
        written = await decoder.ask(msgspec.json.encode(request), (source.fileno(), sink.fileno()), limits.wall_s)
    try:
        answer = msgspec.json.decode(written, type=_Answer)
    except msgspec.DecodeError:  # it died, whatever it wrote before
        raise _unusable("too_slow" if decoder.late else "undecodable", limits) from None
    if answer.samples <= 0:
        raise _unusable(answer.code, limits)
    if not answer.confined:
        _say_unconfined()
    return answer


@cache
def _say_unconfined() -> None:
    log.warning("this system has no filter of system calls: files of sound are decoded within limits only")


def _unusable(code: str, limits: DecodeLimits) -> UnusableSound:
    if code == "too_long":
        return UnusableSound(code, f"The file is longer than {limits.max_seconds:g} seconds.")
    return UnusableSound(code, _SENTENCES[code]) if code in _SENTENCES else _unusable("undecodable", limits)


def _nameless() -> BinaryIO:
    return cast("BinaryIO", tempfile.TemporaryFile("w+b", buffering=0))


def _let_go(held: list[NDArray[np.int16]], sink: BinaryIO) -> None:
    """Free the file: hundreds of megabytes take the system a moment."""
    held.clear()
    sink.close()


def _opened(path: Path) -> tuple[BinaryIO, str]:
    source = path.open("rb", buffering=0)
    try:
        head = os.pread(source.fileno(), HEAD, 0)
        if not head:
            raise _unusable("empty_file", DecodeLimits())
        return source, kind_of(head)
    except BaseException:
        source.close()
        raise


def _mapped(sink: BinaryIO, samples: int) -> NDArray[np.int16]:
    if os.fstat(sink.fileno()).st_size < 2 * samples:
        raise UnusableSound("undecodable", _SENTENCES["undecodable"])
    return np.memmap(sink, "<i2", mode="r", shape=(samples,))
