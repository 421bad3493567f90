"""STUN as an ICE-lite server needs it: read a Binding request, write its answer (RFC 8489, RFC 8445 §7).

Pure. :func:`parse` takes any bytes and returns a :class:`Message` or ``None``; it never raises. Integrity is a separate
step, :func:`authentic`, because it costs an HMAC and the caller knows the password only once it has read USERNAME.
"""

from __future__ import annotations

import hmac
import ipaddress
import struct
import zlib
from dataclasses import dataclass

MAGIC = 0x2112A442
BINDING_REQUEST = 0x0001
BINDING_SUCCESS = 0x0101
BINDING_ERROR = 0x0111

USERNAME = 0x0006
MESSAGE_INTEGRITY = 0x0008
ERROR_CODE = 0x0009
UNKNOWN_ATTRIBUTES = 0x000A
XOR_MAPPED_ADDRESS = 0x0020
PRIORITY = 0x0024
USE_CANDIDATE = 0x0025
FINGERPRINT = 0x8028
ICE_CONTROLLED = 0x8029
ICE_CONTROLLING = 0x802A

REASONS = {400: "Bad Request", 401: "Unauthenticated", 420: "Unknown Attribute", 487: "Role Conflict"}
"""The error codes we answer with (RFC 8489 §14.8, RFC 8445 §7.3.1.1)."""

_UNDERSTOOD = {USERNAME, MESSAGE_INTEGRITY, PRIORITY, USE_CANDIDATE, XOR_MAPPED_ADDRESS, ERROR_CODE, UNKNOWN_ATTRIBUTES}
_HEADER = struct.Struct("!HHI12s")
_PAIR = struct.Struct("!HH")
_LONG = struct.Struct("!I")
_HEADER_LENGTH = 20
_INTEGRITY_LENGTH = 24
_FINGERPRINT_XOR = 0x5354554E
_MAX_ATTRIBUTES = 32
_MAX_USERNAME = 513


@dataclass(frozen=True, slots=True)
class Message:
    """One STUN message; ``signed`` is what MESSAGE-INTEGRITY covers, ``None`` without it."""

    kind: int
    transaction: bytes
    attributes: dict[int, bytes]
    signed: bytes | None = None

    @property
    def username(self) -> bytes | None:
        """USERNAME, ``local:remote`` fragments as sent."""
        return self.attributes.get(USERNAME)

    @property
    def nominates(self) -> bool:
        """Whether the check carries USE-CANDIDATE."""
        return USE_CANDIDATE in self.attributes

    @property
    def unknown(self) -> list[int]:
        """Comprehension-required attributes (below 0x8000) that we do not know."""
        return [kind for kind in self.attributes if kind < 0x8000 and kind not in _UNDERSTOOD]


def parse(data: bytes) -> Message | None:
    """Read a STUN message, or return ``None`` for anything that is not one, whatever the bytes."""
    if len(data) < _HEADER_LENGTH or data[0] > 3:
        return None
    kind, length, magic, transaction = _HEADER.unpack_from(data)
    if magic != MAGIC or length % 4 or _HEADER_LENGTH + length != len(data):
        return None
    return _read_attributes(data, kind, transaction)


def _read_attributes(data: bytes, kind: int, transaction: bytes) -> Message | None:
    attributes: dict[int, bytes] = {}
    signed: bytes | None = None
    at, end = _HEADER_LENGTH, len(data)
    while at < end:
        name, size = _PAIR.unpack_from(data, at)
        value = data[at + 4 : at + 4 + size]
        if len(value) != size or len(attributes) >= _MAX_ATTRIBUTES:
            return None
        if name == FINGERPRINT:
            intact = at + 8 == end and size == 4 and value == _fingerprint(data[:at])
            return Message(kind, transaction, attributes, signed) if intact else None
        # What follows MESSAGE-INTEGRITY is ignored, except FINGERPRINT (RFC 8489 §14.5); the first of a kind counts.
        if signed is None:
            if name == MESSAGE_INTEGRITY:
                if size != 20:
                    return None
                signed = _with_length(data[:at], at + _INTEGRITY_LENGTH - _HEADER_LENGTH)
            attributes.setdefault(name, value)
        at += 4 + size + (-size % 4)
    return Message(kind, transaction, attributes, signed) if at == end else None


def authentic(message: Message, password: bytes) -> bool:
    """Say whether MESSAGE-INTEGRITY fits the password (HMAC-SHA1, short-term credentials, RFC 8489 §14.5)."""
    if message.signed is None:
        return False
    return hmac.compare_digest(hmac.digest(password, message.signed, "sha1"), message.attributes[MESSAGE_INTEGRITY])


def fragments(username: bytes | None) -> tuple[bytes, bytes] | None:
    """Split USERNAME into the receiver's and the sender's fragment (RFC 8445 §7.2.2)."""
    if username is None or len(username) > _MAX_USERNAME:
        return None
    ours, colon, theirs = username.partition(b":")
    return (ours, theirs) if colon and ours and theirs else None


def build(kind: int, transaction: bytes, attributes: list[tuple[int, bytes]], password: bytes | None) -> bytes:
    """Write a message with MESSAGE-INTEGRITY (unless ``password`` is ``None``) and FINGERPRINT."""
    body = b"".join(_attribute(name, value) for name, value in attributes)
    data = _HEADER.pack(kind, len(body), MAGIC, transaction) + body
    if password is not None:
        signed = _with_length(data, len(data) + _INTEGRITY_LENGTH - _HEADER_LENGTH)
        data = signed + _attribute(MESSAGE_INTEGRITY, hmac.digest(password, signed, "sha1"))
    data = _with_length(data, len(data) + 8 - _HEADER_LENGTH)
    return data + _attribute(FINGERPRINT, _fingerprint(data))


def success(request: Message, host: str, port: int, password: bytes) -> bytes:
    """Answer a check: the address it came from, signed (RFC 8445 §7.3.1.2)."""
    mapped = xor_address(host, port, request.transaction)
    return build(BINDING_SUCCESS, request.transaction, [(XOR_MAPPED_ADDRESS, mapped)], password)


def error(request: Message, code: int, password: bytes | None) -> bytes:
    """Refuse a check with one of :data:`REASONS`; signed when the request's integrity was good."""
    reason = REASONS[code].encode()
    attributes = [(ERROR_CODE, struct.pack("!HBB", 0, code // 100, code % 100) + reason)]
    if code == 420:
        unknown = b"".join(struct.pack("!H", kind) for kind in request.unknown)
        attributes.append((UNKNOWN_ATTRIBUTES, unknown))
    return build(BINDING_ERROR, request.transaction, attributes, password)


def xor_address(host: str, port: int, transaction: bytes) -> bytes:
    """Write XOR-MAPPED-ADDRESS of an IPv4 or IPv6 address (RFC 8489 §14.2)."""
    address = ipaddress.ip_address(host.partition("%")[0])
    mask = _LONG.pack(MAGIC) + transaction
    family = 1 if address.version == 4 else 2
    hidden = bytes(a ^ b for a, b in zip(address.packed, mask, strict=False))
    return struct.pack("!BBH", 0, family, port ^ (MAGIC >> 16)) + hidden


def read_xor_address(value: bytes, transaction: bytes) -> tuple[str, int] | None:
    """Read XOR-MAPPED-ADDRESS back into host and port, or ``None``."""
    if len(value) not in (8, 20) or value[1] != (1 if len(value) == 8 else 2):
        return None
    mask = _LONG.pack(MAGIC) + transaction
    packed = bytes(a ^ b for a, b in zip(value[4:], mask, strict=False))
    return str(ipaddress.ip_address(packed)), int.from_bytes(value[2:4], "big") ^ (MAGIC >> 16)


def _attribute(name: int, value: bytes) -> bytes:
    return _PAIR.pack(name, len(value)) + value + bytes(-len(value) % 4)


def _with_length(data: bytes, length: int) -> bytes:
    return data[:2] + length.to_bytes(2, "big") + data[4:]


def _fingerprint(data: bytes) -> bytes:
    # The length field already counts FINGERPRINT, in what we read as in what we write (RFC 8489 §14.7).
    return _LONG.pack(zlib.crc32(data) ^ _FINGERPRINT_XOR)
