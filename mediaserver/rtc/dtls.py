"""Which datagrams may disturb a DTLS handshake: those that are not even DTLS are not shown to OpenSSL. Pure.

Until the keys are there nothing proves who sent a record, and OpenSSL ends a handshake at the first record that it cannot
read. What is damaged in form is therefore dropped here, as RFC 6347 §4.1.2.7 asks for every invalid record; what is well
formed and wrong all the same is OpenSSL's to judge.
"""

from __future__ import annotations

_RECORD, _MESSAGE = 13, 12
_VERSIONS = (b"\xfe\xff", b"\xfe\xfd")
_CHANGE_CIPHER_SPEC, _HANDSHAKE, _ACK = 20, 22, 26
_MESSAGES = frozenset((1, 2, 3, 4, 8, 11, 12, 13, 14, 15, 16, 20, 22, 23, 24, 25))
"""HandshakeType values of RFC 5246, RFC 6347 and RFC 8446 that a peer may send while we shake hands."""

_LONGEST = 1 << 16


def plausible(datagram: bytes) -> bool:
    """Say whether every record in a datagram has the form of one that belongs to a handshake."""
    place = 0
    while place < len(datagram):
        known = datagram[place + 1 : place + 3] in _VERSIONS
        if datagram[place] & 0xE0 == 0x20 and not known:
            return True  # the encrypted form of DTLS 1.3 (RFC 9147 §4): what does not decrypt is dropped
        if len(datagram) - place < _RECORD or not known:
            return False
        end = place + _RECORD + int.from_bytes(datagram[place + 11 : place + 13])
        if end > len(datagram):
            return False
        protected = datagram[place + 3 : place + 5] != b"\x00\x00"
        if not protected and not _plain(datagram[place], datagram[place + _RECORD : end]):
            return False
        place = end
    return True


def _plain(kind: int, body: bytes) -> bool:
    """An alert that no key protects proves nothing: a real failure shows at the set-up deadline."""
    if kind == _HANDSHAKE:
        return _messages(body)
    return kind == _ACK or (kind == _CHANGE_CIPHER_SPEC and body == b"\x01")


def _messages(body: bytes) -> bool:
    """Walk the fragments of handshake messages (RFC 6347 §4.2.2); there is at least one."""
    place = 0
    while place < len(body):
        length, offset, part = (int.from_bytes(body[place + at : place + at + 3]) for at in (1, 6, 9))
        end = place + _MESSAGE + part
        if body[place] not in _MESSAGES or length > _LONGEST or offset + part > length or end > len(body):
            return False
        place = end
    return place > 0
