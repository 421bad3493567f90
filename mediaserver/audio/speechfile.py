"""Our own speech as a file in the form that a client asked for, written as it is spoken."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol, cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream

from mediaserver.audio.presets import BALANCED, Preset
from mediaserver.audio.wav import mono_header

FORMATS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "mp3": "audio/mpeg",
        "opus": "audio/ogg",
        "aac": "audio/aac",
        "flac": "audio/flac",
        "wav": "audio/wav",
        "pcm": "audio/pcm",
    }
)
"""What may be asked for, and its content type (OpenAI's ``response_format`` of ``/v1/audio/speech``)."""

PCM_RATE: Final = 24000
"""Hz of ``pcm``, which has no header to say so."""


@dataclass(frozen=True, slots=True)
class _Form:
    """A container and its encoder. ``rates`` in Hz that the encoder takes, none: all."""

    container: str
    encoder: str
    sample: str
    rates: tuple[int, ...] = ()
    options: tuple[tuple[str, str], ...] = ()


_FORMS: Final[Mapping[str, _Form]] = {
    "mp3": _Form(
        "mp3", "libmp3lame", "s16p", (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
        (("write_xing", "0"), ("id3v2_version", "0")),
    ),
    "opus": _Form("ogg", "libopus", "s16", (48000,), (("page_duration", "200000"),)),
    "aac": _Form("adts", "aac", "fltp", (16000, 22050, 24000, 32000, 44100, 48000)),
    "flac": _Form("flac", "flac", "s16"),
}  # fmt: skip


class SpeechFile:
    """PCM16 mono in, the bytes of one file out, as they come. ``form`` is one of :data:`FORMATS`, ``rate`` in Hz.

    The length of a ``wav`` and a ``flac`` is not known before its end and is told as unknown;
    :func:`mediaserver.audio.wav.whole_wav` makes one that tells it. An ``opus`` file has 48 kHz and a ``pcm`` file
    :data:`PCM_RATE`; the others keep the rate where their encoder takes it. Raises KeyError for any other form.
    """

    def __init__(self, form: str, rate: int, preset: Preset = BALANCED) -> None:
        self._writer: _Writer = _WRITERS[form](rate, preset) if form in _WRITERS else _Encoded(form, rate, preset)

    def feed(self, pcm: bytes) -> bytes:
        """Take sound of any length, whole samples, and return what can be sent of it."""
        return self._writer.feed(pcm)

    def finish(self) -> bytes:
        """Return what is left of the file."""
        return self._writer.finish()


class _Writer(Protocol):
    def feed(self, pcm: bytes) -> bytes: ...
    def finish(self) -> bytes: ...


class _Pcm:
    def __init__(self, rate: int, preset: Preset) -> None:
        self._resampler = preset.make_resampler(rate, PCM_RATE)

    def feed(self, pcm: bytes) -> bytes:
        return self._resampler.feed(pcm)

    def finish(self) -> bytes:
        return self._resampler.flush()


class _Wav:
    def __init__(self, rate: int, _preset: Preset) -> None:
        self._header = mono_header(rate, None)

    def feed(self, pcm: bytes) -> bytes:
        ready, self._header = self._header + pcm, b""
        return ready

    def finish(self) -> bytes:
        return self.feed(b"")


_WRITERS: Final[Mapping[str, Callable[[int, Preset], _Writer]]] = {"pcm": _Pcm, "wav": _Wav}


class _Encoded:
    """An encoder and a container of FFmpeg's, which writes where it cannot seek."""

    def __init__(self, name: str, rate: int, preset: Preset) -> None:
        form = _FORMS[name]
        self._rate = rate if rate in form.rates or not form.rates else _next_rate(form.rates, rate)
        self._resampler = preset.make_resampler(rate, self._rate)
        self._out = _Out()
        self._at = 0
        self._container = av.open(
            self._out, "w", format=form.container, options={"flush_packets": "1", **dict(form.options)}
        )
        made = self._container.add_stream(form.encoder, rate=self._rate, layout="mono", format=form.sample)
        self._stream = cast("AudioStream", made)
        if name in preset.bit_rates:
            self._stream.bit_rate = preset.bit_rates[name]
        if name == "opus":
            self._stream.options = {"compression_level": str(preset.opus_complexity), "application": "voip"}
        self._container.start_encoding()

    def feed(self, pcm: bytes) -> bytes:
        self._encode(self._resampler.feed(pcm))
        return self._out.take()

    def finish(self) -> bytes:
        self._encode(self._resampler.flush())
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._out.take()

    def _encode(self, pcm: bytes) -> None:
        if not pcm:
            return
        frame = AudioFrame.from_ndarray(np.frombuffer(pcm, "<i2").reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts = self._rate, self._at
        self._at += frame.samples
        self._container.mux(self._stream.encode(frame))


def _next_rate(rates: tuple[int, ...], rate: int) -> int:
    return next((higher for higher in rates if higher >= rate), rates[-1])


class _Out(io.RawIOBase):
    """Where the container's bytes wait to be sent. It cannot seek, like what they are sent to."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._waiting += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._waiting)
        self._waiting.clear()
        return taken
