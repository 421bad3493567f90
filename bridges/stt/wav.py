"""A turn of a call as a file: PCM16 mono in a WAV. Source: RIFF WAVE (Microsoft/IBM 1991), the header of 44 bytes."""

from __future__ import annotations

import struct

HEADER = 44


def wav(pcm: bytes | bytearray, rate: int) -> bytes:
    """Return PCM16 mono at ``rate`` Hz with its header."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16)
    head = struct.pack("<4sI4s", b"RIFF", HEADER - 8 + len(pcm), b"WAVE") + form
    return b"".join((head, struct.pack("<4sI", b"data", len(pcm)), pcm))
