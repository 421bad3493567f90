"""From the bytes of an answer to PCM16 mono at the engine's rate, as they come. Pure.

The borders of an answer's pieces are not those of samples: a dangling byte is kept for the next piece. The first bytes tell
what it really is, since servers that call themselves compatible send files where raw sound was asked for, and the other way
round; what cannot be sound is refused, for as samples it would be noise in somebody's ear.
"""

from __future__ import annotations

import numpy as np

from bridges.tts.wav import MAX_HEADER, Opening, opening
from mediaserver.audio.resample import Resampler
from mediaserver.errors import BridgeError

MAX_SECONDS = 1200.0
"""Sound of one request at most: what goes on for longer never ends."""
_LOOK = 4
_WAV = frozenset({b"RIFF", b"RF64"})
_NO_SOUND = {
    b"ID3": "MP3",
    b"\xff\xfb": "MP3",
    b"\xff\xf3": "MP3",
    b"OggS": "Ogg",
    b"fLaC": "FLAC",
    b"{": "JSON",
    b"<": "a page",
}
"""How files begin that are no PCM; the last two are looked at with what follows them."""
_AFTER = {b"{": frozenset(b'"\r\n\t }'), b"<": frozenset(b"!?hH")}


class Incoming:
    """One answer: raw PCM16 mono at ``told_rate`` Hz unless it is a WAV file, which says its own; made to ``rate``."""

    def __init__(self, rate: int, told_rate: int | None) -> None:
        self._rate, self._told = rate, told_rate
        self._held = b""
        self._samples: Samples | None = None
        self._left: int | None = None
        self._made = 0

    def feed(self, data: bytes) -> bytes:
        """Take a piece of the answer and return the sound it makes. Raises BridgeError: it is none."""
        if self._samples is None:
            self._held += data
            found = self._opened()
            if found is None:
                return b""
            self._samples = Samples(found.rate, self._rate, found.channels)
            self._left = found.size
            data, self._held = self._held[found.start :], b""
        return self._counted(self._samples.feed(self._within(data)))

    def finish(self) -> bytes:
        """The answer is complete: return what is left of its sound. Raises BridgeError: there was none at all."""
        rest = b"" if self._samples is None else self._counted(self._samples.finish())
        if not self._made:
            raise BridgeError("the voice sent no sound", code="protocol_error")
        return rest

    def _opened(self) -> Opening | None:
        begins = self._held[:_LOOK]
        if len(begins) < _LOOK:
            return None
        if begins not in _WAV:
            return self._raw(begins)
        found = opening(self._held)
        if found is None and len(self._held) > MAX_HEADER:
            raise BridgeError("the voice sent a file without sound", code="protocol_error")
        return found

    def _raw(self, begins: bytes) -> Opening:
        for sign, kind in _NO_SOUND.items():
            if begins.startswith(sign) and (sign not in _AFTER or begins[1] in _AFTER[sign]):
                raise BridgeError(f"the voice sent {kind} in place of PCM", code="protocol_error")
        if self._told is None:
            raise BridgeError("the voice sent no WAV file", code="protocol_error")
        return Opening(self._told, 1, 0, None)

    def _within(self, data: bytes) -> bytes:
        if self._left is None:
            return data
        data = data[: self._left]
        self._left -= len(data)
        return data

    def _counted(self, pcm: bytes) -> bytes:
        self._made += len(pcm)
        if self._made > MAX_SECONDS * 2 * self._rate:
            raise BridgeError("the voice does not come to an end", code="too_large")
        return pcm


class Samples:
    """PCM16 of one or two channels in pieces of any length, made mono and brought from one rate to another, in Hz."""

    def __init__(self, from_rate: int, to_rate: int, channels: int = 1) -> None:
        self._resampler = Resampler(from_rate, to_rate)
        self._frame = 2 * channels
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        """Return the sound of what is complete so far."""
        data = self._rest + data if self._rest else data
        whole = len(data) // self._frame * self._frame
        self._rest = data[whole:]
        return self._resampler.feed(data[:whole] if self._frame == 2 else _mono(data[:whole]))

    def finish(self) -> bytes:
        """Return the end of it; half a sample is nothing."""
        return self._resampler.flush()


def _mono(stereo: bytes) -> bytes:
    mixed: bytes = np.frombuffer(stereo, "<i2").reshape(-1, 2).mean(axis=1).astype("<i2").tobytes()
    return mixed
