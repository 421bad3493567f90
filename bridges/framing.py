"""One whole client frame of RFC 6455 (§5.2) in one go: what a call sends fifty times a second needs no state machine."""

from __future__ import annotations

import os
from struct import pack

from websockets.frames import Opcode

try:
    from websockets.speedups import apply_mask
except ImportError:  # its part in C is optional
    from websockets.utils import apply_mask

_FIN, _MASKED = 0x80, 0x80
_KEY = 4


class Masks:
    """Masking keys that nobody can foretell (§5.3), from the system's own source, read many at a time."""

    _READ = 1024

    def __init__(self) -> None:
        self._keys = b""
        self._at = 0

    def next(self) -> bytes:
        """Return four bytes that were not used before."""
        if self._at >= len(self._keys):
            self._keys, self._at = os.urandom(self._READ * _KEY), 0
        self._at += _KEY
        return self._keys[self._at - _KEY : self._at]


_MASKS = Masks()


def framed(opcode: Opcode, payload: bytes) -> bytes:
    """Return a masked frame that holds a whole message; no extension may have been agreed on."""
    key, size = _MASKS.next(), len(payload)
    if size < 126:
        head = pack("!BB", _FIN | opcode, _MASKED | size)
    elif size < 65536:
        head = pack("!BBH", _FIN | opcode, _MASKED | 126, size)
    else:
        head = pack("!BBQ", _FIN | opcode, _MASKED | 127, size)
    return head + key + apply_mask(payload, key)
