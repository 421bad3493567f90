"""Small files of sound of every kind for tests: a tone of 440 Hz, or whatever else is asked for."""

from __future__ import annotations

import io
from functools import cache

import av
import numpy as np

MAKERS = {
    "wav": ("wav", "pcm_s16le", 16000),
    "flac": ("flac", "flac", 16000),
    "ogg": ("ogg", "libopus", 48000),
    "webm": ("webm", "libopus", 48000),
    "mp3": ("mp3", "libmp3lame", 16000),
    "m4a": ("mp4", "aac", 16000),
}
"""FFmpeg's container and encoder for each kind, and Hz."""

LEVEL = 8000


def tone(rate: int, seconds: float) -> np.ndarray:
    """Return PCM16 mono."""
    return (LEVEL * np.sin(2 * np.pi * 440 * np.arange(int(rate * seconds)) / rate)).astype("<i2")


@cache
def sound_file(kind: str, seconds: float = 1.0) -> bytes:
    """Return a file of this kind with a tone in it."""
    container, codec, rate = MAKERS[kind]
    return encoded(container, codec, rate, tone(rate, seconds))


def encoded(container: str, codec: str, rate: int, pcm: np.ndarray) -> bytes:
    """Return a file with PCM16 mono in it."""
    target = io.BytesIO()
    with av.open(target, "w", format=container) as out:
        _add_sound(out, out.add_stream(codec, rate=rate, layout="mono"), pcm)
    return target.getvalue()


def film(container: str, codec: str | None) -> bytes:
    """Return a second of moving pictures, with a tone of 48 kHz where a codec is named."""
    target = io.BytesIO()
    with av.open(target, "w", format=container) as out:
        pictures = out.add_stream("mpeg4" if container == "mp4" else "vp8", rate=5)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 64, "yuv420p"
        sound = out.add_stream(codec, rate=48000, layout="mono") if codec else None
        for _ in range(5):
            out.mux(pictures.encode(av.VideoFrame(64, 64, "yuv420p")))
        out.mux(pictures.encode(None))
        if sound is not None:
            _add_sound(out, sound, tone(48000, 1.0))
    return target.getvalue()


def _add_sound(out: av.container.OutputContainer, stream: av.AudioStream, pcm: np.ndarray) -> None:
    frame = av.AudioFrame.from_ndarray(pcm.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate, frame.pts = stream.rate, 0
    out.mux(stream.encode(frame))
    out.mux(stream.encode(None))
