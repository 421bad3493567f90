"""Requests to the audio API that are refused, or cost nothing: what each is answered, and what it is made of."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import aiohttp
import av
import numpy as np

from benchmarks.hostile_files import silence

LIMIT_S = 3700.0
"""``audio.max_duration_s`` of the server: bombs are longer, an hour is not."""
BOMB_S, HOUR_S = 7200, 3600
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Unwelcome:
    """One of them: where it goes, its answer, and its body: JSON for speech, else a file with fields."""

    name: str
    status: int
    code: str
    path: str = "transcriptions"
    json: Mapping[str, object] = field(default_factory=dict)
    file: Callable[[], bytes] | None = None
    fields: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, object]:
        """Return what an HTTP client is given, new for each request."""
        if self.file is None:
            return {"data": json.dumps(self.json), "headers": {"Content-Type": "application/json"}}
        form = aiohttp.FormData()
        for name, value in self.fields.items():
            form.add_field(name, value)
        form.add_field("file", self.file(), filename="sound.wav")
        return {"data": form}


def flac(seconds: int) -> bytes:
    """Return silence, a few bytes a second."""
    return silence("flac", "flac", 8000, seconds)


def opus(seconds: int) -> bytes:
    """Return silence: one packet of 60 ms again and again."""
    target = io.BytesIO()
    with av.open(target, "w", format="ogg") as out:
        stream = out.add_stream("libopus", rate=48000, layout="mono")
        stream.options = {"frame_duration": "60"}
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 2880), np.int16), format="s16", layout="mono")
        frame.sample_rate = 48000
        quiet = bytes(next(iter([*stream.encode(frame), *stream.encode(None)])))
        for place in range(seconds * 1000 // 60):
            packet = av.Packet(quiet)
            packet.stream, packet.pts, packet.dts, packet.duration = stream, 2880 * place, 2880 * place, 2880
            out.mux(packet)
    return target.getvalue()


def wav(channels: int, size: int) -> bytes:
    """Return a tenth of a second whose header says what it likes."""
    head = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, 16000, 32000, 2, 16)
    return b"RIFF\xff\xff\xff\xffWAVE" + head + struct.pack("<4sI", b"data", size) + bytes(range(256)) * 12


SDP = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nm=audio 9 RTP/AVP 0\r\n"
HLS = b"#EXTM3U\n#EXTINF:10,\nhttp://192.0.2.1/a.ts\n"
PLAIN = {"model": "far", "voice": "marin", "input": "Hello.", "response_format": "pcm"}


def speech(name: str, status: int, code: str, **changes: object) -> Unwelcome:
    """Return one that is to be spoken."""
    return Unwelcome(name, status, code, "speech", PLAIN | changes)


def everything() -> list[Unwelcome]:
    """Return all of them; the files are made here, which takes some seconds."""
    files = {"flac": flac(BOMB_S), "opus": opus(BOMB_S), "hour": flac(HOUR_S), "short": flac(20)}
    return [
        Unwelcome(f"FLAC bomb, {len(files['flac']) / 1e3:.0f} kB", 400, "too_long", file=lambda: files["flac"]),
        Unwelcome(f"Opus bomb, {len(files['opus']) / 1e3:.0f} kB", 400, "too_long", file=lambda: files["opus"]),
        Unwelcome("FLAC cut in its header", 400, "undecodable", file=lambda: files["short"][:30]),
        Unwelcome("WAV of 255 channels", 400, "unsupported_channels", file=lambda: wav(255, 3072)),
        Unwelcome("WAV that says 4 GB", 200, "", file=lambda: wav(1, 0xFFFFFFF0)),
        Unwelcome("SDP as sound", 400, "unsupported_format", file=lambda: SDP),
        Unwelcome("HLS as sound", 400, "unsupported_format", file=lambda: HLS),
        Unwelcome("empty file", 400, "empty_file", file=lambda: b""),
        Unwelcome("silent hour", 200, "", file=lambda: files["hour"]),
        Unwelcome("no language", 400, "invalid_value", file=lambda: wav(1, 3072), fields={"language": "Klingon!"}),
        speech("unknown voice", 400, "voice_not_found", voice="nobody"),
        speech("unknown format", 400, "invalid_value", response_format="midi"),
        speech("unknown model", 404, "model_not_found", model="nothing"),
        speech("no text", 400, "empty_string", input=""),
        speech("one character", 200, "", input="a"),
        speech("a million characters", 400, "string_too_long", input="x" * MILLION),
    ]
