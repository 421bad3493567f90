"""What can be carried, as a table: for each codec name its decoder and its encoder (PCM16 mono at any of our rates).

Rates that a codec does not have are reached by resampling, frame by frame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext

from mediaserver.audio import g711, opus
from mediaserver.audio.opus import OpusSettings
from mediaserver.audio.resample import Resampler
from mediaserver.clock import FRAME_MS
from mediaserver.errors import MediaError


class Decoder(Protocol):
    """One direction of one call; ``decode`` raises MediaError, nothing else does."""

    def decode(self, payload: bytes) -> bytes:
        """Return the sound of one packet."""
        ...

    def conceal(self, ms: int) -> bytes:
        """Return ``ms`` of sound in place of what is lost."""
        ...

    def recover(self, successor: bytes, ms: int) -> bytes | None:
        """Return the lost ``ms`` before ``successor`` when that carries them, else None."""
        ...

    def close(self) -> None:
        """Free it; idempotent."""
        ...


class Encoder(Protocol):
    """One direction of one call. Raises MediaError."""

    def encode(self, pcm: bytes) -> bytes:
        """Return the payload for a frame."""
        ...

    def comfort(self) -> bytes:
        """Return a payload that says: still here, and silent."""
        ...

    def expect_loss(self, percent: int) -> None:
        """Tell how much is lost on the way."""
        ...

    def spend(self, bitrate: int) -> None:
        """Encode with so many bit/s from now on."""
        ...

    def ease(self, complexity: int) -> None:
        """Encode with so much effort from now on, 0..10."""
        ...

    def follow(self, payload: bytes) -> None:
        """Somebody else's payload was sent in place of one of ours: comfort is to sound like it."""
        ...

    def restart(self) -> None:
        """Forget what was encoded before: something else was sent after it."""
        ...

    def close(self) -> None:
        """Free it; idempotent."""
        ...


@dataclass(frozen=True, slots=True)
class Format:
    """How to make both directions of a codec. ``lookahead``: its encoder holds back the last samples of a word."""

    decoder: Callable[[int], Decoder]
    encoder: Callable[[int, OpusSettings], Encoder]
    lookahead: bool = False


class OpusOut(opus.OpusEncoder):
    """Opus through libopus."""

    def __init__(self, rate: int, settings: OpusSettings) -> None:
        super().__init__(rate, settings)
        self._toc = 0x08  # SILK, narrow band, 20 ms, until something was said

    def encode(self, pcm: bytes) -> bytes:
        """Return one Opus packet."""
        payload = super().encode(pcm)
        self._toc = payload[0] & 0xFC
        return payload

    def follow(self, payload: bytes) -> None:
        """Take over the mode of a packet that was made elsewhere."""
        self._toc = payload[0] & 0xFC

    def comfort(self) -> bytes:
        """Return a DTX frame of the last mode: a TOC byte with nothing behind it (RFC 6716 §3.1, §3.2.1)."""
        return bytes((self._toc,))


class Repeating:
    """Conceals for codecs that cannot: repeats the last frame, halved each time, for at most three frames."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._last = b""
        self._times = 0

    def keep(self, pcm: bytes) -> bytes:
        """Remember and return a good frame."""
        self._last, self._times = pcm, 0
        return pcm

    def conceal(self, ms: int) -> bytes:
        """Return ``ms`` of sound that fades away."""
        size = self._rate * ms // 1000
        self._times += 1
        if not self._last or self._times > 3:
            return bytes(size * 2)
        sound = np.resize(np.frombuffer(self._last, "<i2"), size)
        loud = 0.5 ** (self._times - 1)
        faded: bytes = (sound * np.linspace(loud, loud / 2, size, dtype=np.float32)).astype("<i2").tobytes()
        return faded

    def recover(self, _successor: bytes, _ms: int) -> bytes | None:
        """Return None: these codecs carry no copies."""
        return None


class G711In(Repeating):
    """µ-law or A-law by its table."""

    def __init__(self, rate: int, table: Callable[[bytes], bytes]) -> None:
        super().__init__(rate)
        self._table = table
        self._resample = Resampler(8000, rate).feed

    def decode(self, payload: bytes) -> bytes:
        """Return the sound of one packet."""
        return self.keep(self._resample(self._table(payload)))

    def close(self) -> None:
        """Nothing to free."""


class G711Out:
    """µ-law or A-law by its table."""

    def __init__(self, rate: int, table: Callable[[bytes], bytes]) -> None:
        self._table = table
        self._resample = Resampler(rate, 8000).feed
        self._size = 160

    def encode(self, pcm: bytes) -> bytes:
        """Return one byte per sample at 8000 Hz."""
        payload = self._table(self._resample(pcm))
        self._size = len(payload) or self._size
        return payload

    def comfort(self) -> bytes:
        """Return a packet of silence."""
        return self._table(bytes(self._size * 2))

    def expect_loss(self, percent: int) -> None:
        """Nothing can be done about it."""

    def spend(self, bitrate: int) -> None:
        """It takes what it takes."""

    def ease(self, complexity: int) -> None:
        """It is as it is."""

    def follow(self, payload: bytes) -> None:
        """Comfort is the same after any."""

    def restart(self) -> None:
        """There is little to forget."""

    def close(self) -> None:
        """Nothing to free."""


class Hush:
    """Comfort noise (RFC 3389), heard as silence: who listens here is a machine, which noise would only mislead."""

    def __init__(self, rate: int) -> None:
        self._rate = rate

    def decode(self, _payload: bytes) -> bytes:
        """Return one frame of silence; the next packet says how long it really was."""
        return self.conceal(FRAME_MS)

    def conceal(self, ms: int) -> bytes:
        """Return silence."""
        return bytes(self._rate * ms // 1000 * 2)

    def recover(self, _successor: bytes, _ms: int) -> bytes | None:
        """Return None: nothing was said."""
        return None

    def close(self) -> None:
        """Nothing to free."""


class PyavIn(Repeating):
    """A codec of PyAV: G.722, and Opus where no libopus is found (then without concealment by the codec)."""

    def __init__(self, rate: int, name: str, codec_rate: int) -> None:
        super().__init__(rate)
        self._codec: AudioCodecContext | None = _context(name, "r", codec_rate)
        self._mono = av.AudioResampler(format="s16", layout="mono", rate=codec_rate)
        self._resample = Resampler(codec_rate, rate).feed

    def decode(self, payload: bytes) -> bytes:
        """Return the sound of one packet."""
        if self._codec is None:
            raise MediaError("this decoder is closed")
        try:
            frames = [mono for frame in self._codec.decode(av.Packet(payload)) for mono in self._mono.resample(frame)]
        except av.FFmpegError as error:
            raise MediaError(f"{self._codec.name}: {error}") from error
        return self.keep(self._resample(b"".join(bytes(frame.planes[0])[: frame.samples * 2] for frame in frames)))

    def close(self) -> None:
        """Let go of the codec."""
        self._codec = None


class PyavOut:
    """A codec of PyAV, fed frame by frame."""

    def __init__(self, rate: int, name: str, codec_rate: int, options: Mapping[str, str], bitrate: int = 64000) -> None:
        self._codec: AudioCodecContext | None = _context(name, "w", codec_rate)
        self._codec.bit_rate = bitrate
        self._codec.options = dict(options)
        self._rate = codec_rate
        self._resample = Resampler(rate, codec_rate).feed
        self._comfort = b""

    def encode(self, pcm: bytes) -> bytes:
        """Return one payload."""
        if self._codec is None:
            raise MediaError("this encoder is closed")
        sound = np.frombuffer(self._resample(pcm), "<i2").reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(sound, format="s16", layout="mono")
        frame.sample_rate = self._rate
        try:
            return b"".join(bytes(packet) for packet in self._codec.encode(frame))
        except av.FFmpegError as error:
            raise MediaError(f"{self._codec.name}: {error}") from error

    def comfort(self) -> bytes:
        """Return a packet of silence, made once by an encoder of its own."""
        if not self._comfort and self._codec is not None:
            quiet = PyavOut(self._rate, self._codec.name, self._rate, {})
            self._comfort = quiet.encode(bytes(self._rate // 50 * 2))
        return self._comfort

    def expect_loss(self, percent: int) -> None:
        """Nothing can be done about it."""

    def spend(self, bitrate: int) -> None:
        """It takes what it takes."""

    def ease(self, complexity: int) -> None:
        """It is as it is."""

    def follow(self, payload: bytes) -> None:
        """Comfort is the same after any."""

    def restart(self) -> None:
        """There is little to forget."""

    def close(self) -> None:
        """Let go of the codec."""
        self._codec = None


def _context(name: str, mode: str, rate: int) -> AudioCodecContext:
    codec = av.CodecContext.create(name, mode)  # type: ignore[call-overload]
    if not isinstance(codec, AudioCodecContext):
        raise MediaError(f"PyAV has no audio codec {name}")
    codec.format, codec.layout, codec.sample_rate = av.AudioFormat("s16"), av.AudioLayout("mono"), rate
    return codec


def _opus_in(rate: int) -> Decoder:
    return opus.OpusDecoder(rate) if opus.libopus().functions else PyavIn(rate, "libopus", 48000)


def _opus_out(rate: int, settings: OpusSettings) -> Encoder:
    if opus.libopus().functions:
        return OpusOut(rate, settings)
    options = {"application": "voip", "compression_level": str(settings.complexity), "frame_duration": "20"}
    return PyavOut(rate, "libopus", 48000, options, settings.bitrate)


FORMATS: Mapping[str, Format] = {
    "opus": Format(_opus_in, _opus_out, lookahead=True),
    "g722": Format(lambda rate: PyavIn(rate, "g722", 16000), lambda rate, _: PyavOut(rate, "g722", 16000, {})),
    "pcmu": Format(lambda rate: G711In(rate, g711.decode_ulaw), lambda rate, _: G711Out(rate, g711.encode_ulaw)),
    "pcma": Format(lambda rate: G711In(rate, g711.decode_alaw), lambda rate, _: G711Out(rate, g711.encode_alaw)),
}
"""Every sound of the wire by its name in :class:`mediaserver.rtc.codecs.Codec`."""

DECODERS: Mapping[str, Callable[[int], Decoder]] = {
    **{name: made.decoder for name, made in FORMATS.items()},
    "cn": Hush,
}
"""Everything that becomes sound here."""
