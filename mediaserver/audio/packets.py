"""Sound that is Opus already: packets of 20 ms that go where they are wanted as they are, and are decoded on demand only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mediaserver.audio.levels import SILENCE_DB, dbfs, is_silent
from mediaserver.audio.opus import OpusDecoder, OpusEncoder, OpusSettings
from mediaserver.clock import FRAME_MS
from mediaserver.errors import MediaError

LEAD = 5
"""Packets that a decoder has to have heard before what it says of the next one is right."""

SILENCE = b"\xf8\xff\xfe"
"""20 ms of silence in every decoder: CELT, full band, with its silence flag set (RFC 6716 §4.3)."""

SPEECH_DB, PAUSE_DB = -25.0, -60.0
"""What packets are taken for that say of themselves that they hold a voice, or none."""

_SILK_MS, _HYBRID_MS, _CELT_MS = (10.0, 20.0, 40.0, 60.0), (10.0, 20.0), (2.5, 5.0, 10.0, 20.0)
_MS = (*_SILK_MS * 3, *_HYBRID_MS * 2, *_CELT_MS * 4)
_CELT_ONLY = 16
_EMPTY = 3
_COMPLEXITY = 10


@dataclass(frozen=True, slots=True)
class Packet:
    """20 ms of Opus, mono or stereo, and how loud it is in dBFS."""

    opus: bytes
    level: float


HUSH = Packet(SILENCE, SILENCE_DB)
"""Has a listener be silent at once, without a click, whatever was heard before."""

Frame = bytes | Packet
"""20 ms of sound: PCM16 mono, or ready-made."""


class Coded(bytes):
    """A frame of PCM that remembers the Opus packet it was decoded from: whoever wants that need not encode it again."""

    opus: bytes

    @classmethod
    def of(cls, pcm: bytes, opus: bytes) -> Coded:
        """Return the frame with its packet."""
        coded = cls(pcm)
        coded.opus = opus
        return coded


def duration_ms(opus: bytes) -> float:
    """Return how much sound a packet holds, 0 for what is none: its first byte says it (RFC 6716 §3.1, §3.2)."""
    if not opus:
        return 0.0
    code = opus[0] & 3
    frames = 1 if code == 0 else 2 if code < 3 else opus[1] & 63 if len(opus) > 1 else 0
    return _MS[opus[0] >> 3] * frames


def loudness(opus: bytes) -> float:
    """Return about how loud a packet is, in dBFS, without decoding it.

    SILK says in its first bit whether it hears a voice (RFC 6716 §4.2.3), which is four fifths of what an envelope tells;
    CELT alone says nothing, so that any of it counts as a voice but silence.
    """
    if len(opus) <= _EMPTY:
        return SILENCE_DB
    if opus[0] >> 3 < _CELT_ONLY and opus[0] & 3 != 3 and not opus[1] & 0x80:
        return PAUSE_DB
    return SPEECH_DB


def ready(opus: bytes) -> Packet:
    """Return a packet that somebody else made, with its level as far as that can be seen."""
    return Packet(opus, loudness(opus))


def encoding(pcm: bytes, rate: int, settings: OpusSettings) -> Iterator[Packet]:
    """Yield a whole sound (PCM16 mono) as packets, with all the effort there is: about 0.2 ms each.

    The last packet lets out what the encoder holds back. Raises MediaError where there is no libopus.
    """
    size = rate * FRAME_MS // 1000 * 2
    encoder = OpusEncoder(rate, settings)
    encoder.ease(_COMPLEXITY)
    try:
        for at in range(0, len(pcm) + size // 3, size):
            frame = pcm[at : at + size].ljust(size, b"\0")
            yield Packet(encoder.encode(frame), dbfs(frame))
    finally:
        encoder.close()


def decoded(lead: Iterable[Packet], packets: Iterable[Packet], rate: int) -> bytes:
    """Return the sound of packets, PCM16 mono, as a listener hears it to whom ``lead`` was sent just before."""
    reader = Reader(rate)
    for packet in lead:
        reader.read(packet.opus)
    return b"".join(reader.read(packet.opus) for packet in packets)


class Reader:
    """Decodes a stream of packets to PCM16 mono at ``rate`` Hz; what is no Opus is 20 ms of silence."""

    def __init__(self, rate: int) -> None:
        self._decoder = OpusDecoder(rate)
        self._silence = bytes(rate * FRAME_MS // 1000 * 2)

    def read(self, opus: bytes) -> bytes:
        """Return the sound of one packet."""
        try:
            return self._decoder.decode(opus)
        except MediaError:
            return self._silence

    def pcm(self, packets: Sequence[Packet]) -> bytes:
        """Return the sound of some packets."""
        return b"".join(self.read(packet.opus) for packet in packets)


class Writer:
    """Encodes what has no packet (a gap in a stream of them, a caller who speaks another codec). Raises MediaError.

    PCM16 mono at ``rate`` Hz. A gap begins in a fresh encoder: what was sent before it was not this one's.
    """

    def __init__(self, rate: int) -> None:
        self._encoder = OpusEncoder(rate)
        self._going = False

    def write(self, pcm: bytes) -> bytes:
        """Return the packet of one 20 ms frame: its own where it has one."""
        if type(pcm) is Coded:
            self._going = False
            return pcm.opus
        if is_silent(pcm):
            return SILENCE
        if not self._going:
            self._encoder.restart()
            self._going = True
        return self._encoder.encode(pcm)
