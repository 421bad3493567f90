"""RTP packets (RFC 3550 §5) and their header extensions (RFC 8285): one pass, no objects beyond the packet itself."""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

HEADER = 12
ONE_BYTE = 0xBEDE
TWO_BYTES = 0x1000
CONTROL = range(192, 224)
"""The second byte of RTCP where it shares a port with RTP (RFC 5761 §4)."""

_FIXED = Struct("!BBHLL")
_PAIR = Struct("!HH")


class Packet(NamedTuple):
    """One packet. ``profile`` and ``extensions`` are the raw header extension, see :func:`element`."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    profile: int = 0
    extensions: bytes = b""


def parse(data: bytes) -> Packet | None:
    """Read a packet, or return None for bytes that are none: never raises."""
    size = len(data)
    if size < HEADER:
        return None
    first, second, sequence, timestamp, ssrc = _FIXED.unpack_from(data)
    if first == 0x80:  # no padding, no extension, no CSRC
        return Packet(second & 0x7F, second > 0x7F, sequence, timestamp, ssrc, data[HEADER:])
    if first >> 6 != 2:
        return None
    start, profile, extensions = HEADER + 4 * (first & 15), 0, b""
    if first & 0x10:
        if start + 4 > size:
            return None
        profile, words = _PAIR.unpack_from(data, start)
        end = start + 4 + 4 * words
        extensions, start = data[start + 4 : end], end
    end = size - data[-1] if first & 0x20 else size
    if start > end or (first & 0x20 and not data[-1]):
        return None
    return Packet(second & 0x7F, second > 0x7F, sequence, timestamp, ssrc, data[start:end], profile, extensions)


def stream(data: bytes) -> bytes | None:
    """Return the SSRC of what looks like RTP, encrypted or not, among the datagrams of a port (RFC 7983 §7), else None."""
    if len(data) < HEADER or not 127 < data[0] < 192 or data[1] in CONTROL:
        return None
    return data[8:12]


def element(packet: Packet, wanted: int) -> bytes | None:
    """Return the value of one header extension (RFC 8285 §4.2, §4.3), or None; never raises."""
    data = packet.extensions
    if not data:
        return None
    if packet.profile == ONE_BYTE:
        return _find_one_byte(data, wanted)
    if packet.profile & 0xFFF0 == TWO_BYTES:
        return _find_two_bytes(data, wanted)
    return None


def _find_one_byte(data: bytes, wanted: int) -> bytes | None:
    position, size = 0, len(data)
    while position < size:
        head = data[position]
        name = head >> 4
        if name == 15:  # reserved: what follows must not be read
            return None
        end = position + 2 + (head & 15) if head else position + 1
        if head and name == wanted:
            return data[position + 1 : end] if end <= size else None
        position = end
    return None


def _find_two_bytes(data: bytes, wanted: int) -> bytes | None:
    position, size = 0, len(data)
    while position + 1 < size:
        name = data[position]
        end = position + 2 + data[position + 1] if name else position + 1
        if name and name == wanted:
            return data[position + 2 : end] if end <= size else None
        position = end
    return None


def level(packet: Packet, extension: int) -> int | None:
    """Return the level of RFC 6464 in dBov (-127 to 0), or None when the packet does not say."""
    value = element(packet, extension)
    return -(value[0] & 0x7F) if value else None


def serialise(
    payload_type: int, marker: bool, sequence: int, timestamp: int, ssrc: int, payload: bytes, extension: bytes = b""
) -> bytes:
    """Write a packet; ``extension`` is a whole block as made by :func:`extension`."""
    first = 0x90 if extension else 0x80
    second = payload_type | 0x80 if marker else payload_type
    return _FIXED.pack(first, second, sequence, timestamp, ssrc) + extension + payload


def extension(elements: dict[int, bytes]) -> bytes:
    """Return the extension block for these values, in the one-byte form where it can hold them; empty without any."""
    if not elements:
        return b""
    short = all(0 < name < 15 and 0 < len(value) <= 16 for name, value in elements.items())
    if short:
        body = b"".join(bytes((name << 4 | len(value) - 1,)) + value for name, value in elements.items())
    else:
        body = b"".join(bytes((name, len(value))) + value for name, value in elements.items())
    body += bytes(-len(body) % 4)
    return _PAIR.pack(ONE_BYTE if short else TWO_BYTES, len(body) // 4) + body
