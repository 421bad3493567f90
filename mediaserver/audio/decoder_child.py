"""The program of a decoder: reads one file of sound that a stranger sent, writes it as PCM16 mono, and ends.

It holds a socket to its parent and nothing else. The parent sends one request and two descriptors, the file and where the
sound goes; before the first byte of the file is read the process gives up whatever it does not need for that. It has its own
interpreter because decoders are C code that was never written for hostile input: what goes wrong there ends here.
"""

from __future__ import annotations

import io
import json
import os
import socket
from collections.abc import Iterator
from typing import Any, BinaryIO

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer

from mediaserver.audio import confinement, processing
from mediaserver.audio.processing import NONE, FileSound, Process, Processing
from mediaserver.audio.wav import whole_wav

DEMUXERS = {"wav": "wav", "flac": "flac", "ogg": "ogg", "webm": "matroska", "mp3": "mp3", "m4a": "mov"}
"""FFmpeg's reader for each kind. Never guessed from the content: among 400 readers some open networks and other files."""

CODECS = frozenset(
    {
        *("pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le", "pcm_alaw", "pcm_mulaw"),
        *("adpcm_ms", "adpcm_ima_wav", "flac", "opus", "libopus", "vorbis", "mp3", "mp3float", "aac", "alac"),
    }
)

OPTIONS = {"codec_whitelist": ",".join(sorted(CODECS)), "protocol_whitelist": "pipe", "max_streams": "16"}

LOWEST_RATE, HIGHEST_RATE = 4000, 384_000
MOST_CHANNELS = 8
MOST_BAD_PACKETS = 1000
READ_BYTES = 1 << 16
_REHEARSED = 19200

BEHIND = 5
"""Niceness: calls, which cannot wait, go before files."""


class Refused(Exception):
    """The file is of no use; the text is a code of ``UnusableSound``."""


def main(link: socket.socket) -> None:
    """Say that we are here, take one request, answer it."""
    confinement.die_with_parent()
    os.nice(BEHIND)
    av.logging.set_level(None)
    rehearse()
    link.sendall(b"\n")
    request, descriptors, _, _ = socket.recv_fds(link, 4096, 2)
    if len(descriptors) == 2:
        link.sendall(json.dumps(answer(json.loads(request), *descriptors)).encode() + b"\n")
    os._exit(0)  # the parent waits for the end, and there is nothing to tidy up


def rehearse() -> None:
    """Read a short file: PyAV loads parts of itself when they are first needed, which later cannot be done."""
    silence = bytes(_REHEARSED)
    if not list(decoded(io.BytesIO(whole_wav(silence, 48000)), "wav", 16000)):
        raise RuntimeError("the decoder does not decode")


def answer(request: dict[str, Any], source: int, sink: int) -> dict[str, Any]:
    """Decode the one into the other and return what the parent is told."""
    process = prepared(request, sink)
    bytes_allowed = 2 * request["rate"] * request["max_seconds"]
    confinement.limit(
        memory_bytes=request["memory_bytes"], cpu_s=request["wall_s"], file_bytes=int(bytes_allowed) + 2 * READ_BYTES
    )
    request["confined"] = confinement.filtered()
    try:
        file = open(source, "rb", buffering=0, closefd=False)  # noqa: SIM115 - the parent's descriptor
        samples = write(decoded(file, request["kind"], request["rate"]), sink, int(bytes_allowed))
        process(FileSound(sink, samples), request["rate"])
    except Refused as refused:
        return {"code": str(refused)}
    except MemoryError:
        return {"code": "too_complex"}
    return {"samples": samples, "confined": request["confined"]}


def prepared(request: dict[str, Any], sink: int) -> Process:
    """Load what is wanted beyond decoding, and use it once: later no module can be loaded any more."""
    wanted = Processing(request["denoise"], request["loudness"])
    process = processing.prepared(wanted)
    if wanted != NONE:
        os.pwrite(sink, bytes(_REHEARSED), 0)
        process(FileSound(sink, _REHEARSED // 2), request["rate"])
        os.ftruncate(sink, 0)
    return process


def write(sound: Iterator[bytes], sink: int, most: int) -> int:
    """Write the sound and return how many samples it has. Raises Refused when there is none, or more than ``most`` bytes."""
    written = 0
    for piece in sound:
        if written + len(piece) > most:
            raise Refused("too_long")
        left = memoryview(piece)
        while left:
            left = left[os.write(sink, left) :]
        written += len(piece)
    if not written:
        raise Refused("undecodable")
    return written // 2


def decoded(source: BinaryIO, kind: str, rate: int) -> Iterator[bytes]:
    """Yield the first track of sound in the file as PCM16 mono at ``rate`` Hz. Raises Refused."""
    try:
        container = av.open(
            source,
            "r",
            format=DEMUXERS[kind],
            options=OPTIONS,
            buffer_size=READ_BYTES,
            metadata_errors="ignore",
        )
    except MemoryError:  # FFmpeg's is an FFmpegError as well
        raise
    except (av.error.FFmpegError, ValueError) as problem:
        raise Refused("undecodable") from problem
    if not container.streams.audio:
        raise Refused("no_audio")
    stream = container.streams.audio[0]
    _check(stream)
    mono = Mono(rate)
    for frame in frames(container, stream):
        yield from mono.feed(frame)
    yield from mono.rest()


def _check(stream: AudioStream) -> None:
    context: AudioCodecContext | None = stream.codec_context  # none where FFmpeg has no decoder
    if context is None or context.codec.name not in CODECS:
        raise Refused("unsupported_codec")
    if not 1 <= context.channels <= MOST_CHANNELS:
        raise Refused("unsupported_channels")
    if not LOWEST_RATE <= context.sample_rate <= HIGHEST_RATE:
        raise Refused("unsupported_rate")
    context.thread_count = 1


def frames(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    """Yield what can be decoded, up to where the file cannot be read any further."""
    bad = 0
    packets = container.demux(stream)
    while bad < MOST_BAD_PACKETS:
        try:
            packet = next(packets, None)
        except MemoryError:
            raise
        except (av.error.FFmpegError, ValueError):
            return
        if packet is None:
            return
        try:
            yield from packet.decode()
        except MemoryError:
            raise
        except (av.error.FFmpegError, ValueError):
            bad += 1


class Mono:
    """Frames of any form in, PCM16 mono at ``rate`` Hz out, a second at a time: one by one they cost thrice as much."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._form: tuple[str, str, int] | None = None
        self._waiting = AudioFifo()
        self._resampler = AudioResampler("s16", "mono", rate)

    def feed(self, frame: AudioFrame) -> Iterator[bytes]:
        """Take a frame. A file may change its form in the middle: the sound goes on."""
        form = frame.format.name, frame.layout.name, frame.sample_rate
        if form != self._form:
            yield from self.rest()
            if len(frame.layout.channels) > MOST_CHANNELS or not LOWEST_RATE <= frame.sample_rate <= HIGHEST_RATE:
                raise Refused("unsupported_channels")
            self._form, self._waiting = form, AudioFifo()
            self._resampler = AudioResampler("s16", "mono", self._rate)
        frame.pts = None  # times in files lie; the resampler would make up for them
        self._waiting.write(frame)
        if self._waiting.samples >= frame.sample_rate:
            yield from self._made(self._waiting.read())

    def rest(self) -> Iterator[bytes]:
        """Return what is still inside."""
        if self._form is not None:
            yield from self._made(self._waiting.read())
            yield from self._made(None)

    def _made(self, frame: AudioFrame | None) -> Iterator[bytes]:
        try:
            made = self._resampler.resample(frame)
        except MemoryError:
            raise
        except (av.error.FFmpegError, ValueError):
            raise Refused("undecodable") from None
        for part in made:
            yield part.to_ndarray().tobytes()


if __name__ == "__main__":
    main(socket.socket(fileno=0))
