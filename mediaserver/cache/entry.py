"""One thing that is kept, and the form in which it lies outside of this process. Pure."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

_MAGIC = b"MSC1"
_HEAD = struct.Struct(">4sddI")
_SUM = 16
_OVERHEAD = 500
"""About what the objects and the dictionary's row need besides the bytes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """``body`` is the sound or text, ``facts`` JSON about it; ``made`` and ``until`` are unix seconds."""

    made: float
    until: float
    facts: bytes
    body: bytes

    @property
    def size(self) -> int:
        """Bytes of memory, about."""
        return len(self.facts) + len(self.body) + _OVERHEAD

    def fresh(self, now: float, max_age: float | None = None) -> bool:
        """Say whether it may be used at ``now`` by someone who wants nothing older than ``max_age`` seconds."""
        return now < self.until and (max_age is None or now - self.made <= max_age)


def pack(key: str, entry: Entry) -> bytes:
    """Return the entry as bytes, with a sum over the key and all of it."""
    head = _HEAD.pack(_MAGIC, entry.made, entry.until, len(entry.facts))
    return b"".join((head, entry.facts, entry.body, _sum(key, head, entry.facts, entry.body)))


def unpack(key: str, data: bytes) -> Entry | None:
    """Return the entry that was packed under this key, ``None`` for anything else."""
    if len(data) < _HEAD.size + _SUM:
        return None
    magic, made, until, facts = _HEAD.unpack_from(data)
    view = memoryview(data)
    inside = view[_HEAD.size : -_SUM]
    if magic != _MAGIC or facts > len(inside):
        return None
    if _sum(key, view[: _HEAD.size], inside) != view[-_SUM:]:
        return None
    return Entry(made, until, bytes(inside[:facts]), bytes(inside[facts:]))


def _sum(key: str, *parts: bytes | memoryview) -> bytes:
    digest = hashlib.blake2b(digest_size=_SUM, key=key.encode())
    for part in parts:
        digest.update(part)
    return digest.digest()
