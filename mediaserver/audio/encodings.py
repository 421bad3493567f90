"""The encodings in which sound travels as bytes of a message: PCM16 and G.711; each with its state, each both ways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from mediaserver.audio import g711
from mediaserver.audio.resample import Resampler
from mediaserver.clock import FRAME_MS

Name = Literal["pcm", "pcmu", "pcma"]


@dataclass(frozen=True, slots=True)
class Encoding:
    """PCM16 little-endian mono, µ-law or A-law at a rate in Hz (G.711: 8000)."""

    name: Name
    rate: int


PCMU = Encoding("pcmu", 8000)
PCMA = Encoding("pcma", 8000)

_DECODE: dict[Name, Callable[[bytes], bytes]] = {"pcmu": g711.decode_ulaw, "pcma": g711.decode_alaw}
_ENCODE: dict[Name, Callable[[bytes], bytes]] = {"pcmu": g711.encode_ulaw, "pcma": g711.encode_alaw}


class Unpacker:
    """Sound of any length in, whole frames of 20 ms PCM16 mono at ``rate`` out; what is left over waits."""

    def __init__(self, encoding: Encoding, rate: int) -> None:
        self.encoding = encoding
        self._decode = _DECODE.get(encoding.name)
        self._resampler = Resampler(encoding.rate, rate)
        self._size = rate * FRAME_MS // 1000 * 2
        self._rest = b""

    @property
    def step(self) -> int:
        """Bytes of the encoding that make one frame."""
        return self.encoding.rate * FRAME_MS // 1000 * (1 if self._decode else 2)

    def feed(self, data: bytes) -> list[bytes]:
        """Return the frames that are complete now."""
        pcm = self._rest + self._resampler.feed(self._decode(data) if self._decode else data)
        whole = len(pcm) - len(pcm) % self._size
        self._rest = pcm[whole:]
        return [pcm[at : at + self._size] for at in range(0, whole, self._size)]

    def flush(self) -> bytes | None:
        """Return what is left over as a frame that ends in silence; ``None`` when there is nothing."""
        rest, self._rest = self._rest[: len(self._rest) & ~1], b""
        return rest + bytes(self._size - len(rest)) if rest else None

    def clear(self) -> None:
        """Forget what is left over."""
        self._rest = b""


class Packer:
    """PCM16 mono at ``rate`` in, bytes of the encoding out, one stream."""

    def __init__(self, rate: int, encoding: Encoding) -> None:
        self.encoding = encoding
        self._encode = _ENCODE.get(encoding.name)
        self._resampler = Resampler(rate, encoding.rate)

    def feed(self, pcm: bytes) -> bytes:
        """Return what can be said of it now: the filter holds a few milliseconds back until :meth:`flush`."""
        made = self._resampler.feed(pcm)
        return self._encode(made) if self._encode else made

    def flush(self) -> bytes:
        """Return what is still inside; the next sound begins anew."""
        made = self._resampler.flush()
        return self._encode(made) if self._encode else made
