"""A WAV file on its way: its header is read as it comes, whether or not it says how long it is. Pure.

Source: Microsoft/IBM "Multimedia Programming Interface and Data Specifications 1.0" (RIFF WAVE); EBU Tech 3306 (RF64).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from mediaserver.errors import BridgeError

MAX_HEADER = 64 * 1024
"""Bytes that may come before the sound."""
_ENDLESS = 0x7FFF0000
"""From this size on, and for 0, the writer did not know the size: the sound goes on to the end of the stream."""
_PCM, _EXTENSIBLE = 1, 0xFFFE


@dataclass(frozen=True, slots=True)
class Opening:
    """What a header says: PCM16 at ``rate`` Hz with ``channels`` from byte ``start`` on; ``size`` in bytes where known."""

    rate: int
    channels: int
    start: int
    size: int | None


def opening(data: bytes) -> Opening | None:
    """Read a header, ``None`` while it is not complete. Raises BridgeError: this is no WAV file of PCM16."""
    if len(data) < 12:
        return None
    if data[:4] not in (b"RIFF", b"RF64") or data[8:12] != b"WAVE":
        raise _wrong("is no WAV file")
    form, place = None, 12
    while len(data) >= place + 8:
        name, size = struct.unpack_from("<4sI", data, place)
        place += 8
        if name == b"data":
            return _opened(form, place, size)
        if name == b"fmt ":
            form = data[place : place + size]
        place += size + (size & 1)
        if place > MAX_HEADER:
            raise _wrong("has no sound in it")
    return None


def _opened(form: bytes | None, start: int, size: int) -> Opening:
    if form is None or len(form) < 16:
        raise _wrong("does not say what is in it")
    code, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", form)
    if code == _EXTENSIBLE and len(form) >= 26:
        (code,) = struct.unpack_from("<H", form, 24)
    if code != _PCM or bits != 16 or channels not in (1, 2) or not 4000 <= rate <= 192_000:
        raise _wrong("is not PCM16 mono or stereo")
    return Opening(rate, channels, start, size if 0 < size < _ENDLESS else None)


def _wrong(what: str) -> BridgeError:
    return BridgeError(f"what the voice sent {what}", code="protocol_error")
