"""What a handshake is made of, and what only looks like it."""

from __future__ import annotations

import random

import pytest
from aiortc.rtcdtlstransport import SRTP_PROFILES
from OpenSSL import SSL

from mediaserver.rtc.dtls import plausible
from mediaserver.rtc.stack import Certificate


def record(kind: int, body: bytes, epoch: int = 0, version: bytes = b"\xfe\xfd") -> bytes:
    return bytes([kind]) + version + epoch.to_bytes(2, "big") + bytes(6) + len(body).to_bytes(2, "big") + body


def message(kind: int, body: bytes, *, length: int | None = None, offset: int = 0) -> bytes:
    whole = len(body) if length is None else length
    header = bytes([kind]) + whole.to_bytes(3, "big") + bytes(2) + offset.to_bytes(3, "big")
    return header + len(body).to_bytes(3, "big") + body


def handshake() -> list[bytes]:
    """Every datagram of a real handshake between two ends of OpenSSL."""
    ends = []
    for begin in ("set_connect_state", "set_accept_state"):
        ends.append(SSL.Connection(Certificate.generateCertificate()._create_ssl_context(SRTP_PROFILES)))
        getattr(ends[-1], begin)()
    sent, done = [], set()
    for turn in range(40):
        mine, other = ends[turn % 2], ends[1 - turn % 2]
        try:
            mine.do_handshake()
            done.add(turn % 2)
        except SSL.WantReadError:
            pass
        while True:
            try:
                sent.append(mine.bio_read(1500))
            except SSL.WantReadError:
                break
            other.bio_write(sent[-1])
        if len(done) == 2:
            return sent
    raise AssertionError("the handshake did not end")


def test_a_real_handshake_passes_whole() -> None:
    datagrams = handshake()
    assert len(datagrams) >= 4
    assert all(plausible(datagram) for datagram in datagrams)


@pytest.mark.parametrize(
    "datagram",
    [
        record(22, b""),
        record(22, b"\x01"),
        record(22, message(99, b"abc")),
        record(22, message(1, b"abc", length=2)),
        record(22, message(1, b"abc", length=8, offset=6)),
        record(22, message(1, b"abc")[:-1]),
        record(22, message(1, b"abc", length=1 << 20)),
        record(22, message(1, b"abc"), version=b"\x03\x03"),
        record(22, message(1, b"abc"))[:-1],
        record(20, b"\x02"),
        record(21, bytes([2, 40])),
        record(23, b"data"),
        record(63, b"data"),
        b"\x16",
        record(22, message(1, b"abc")) + b"\x16",
    ],
)
def test_what_is_damaged_in_form_does_not(datagram: bytes) -> None:
    assert not plausible(datagram)


def test_fragments_and_several_records_pass() -> None:
    split = record(22, message(11, b"abc", length=9) + message(11, b"def", length=9, offset=3))
    assert plausible(split + record(20, b"\x01") + record(22, bytes(40), epoch=1))
    assert plausible(b"\x2f" + bytes(60))


def test_nothing_makes_it_raise() -> None:
    rng = random.Random(4)
    for _ in range(20000):
        plausible(rng.randbytes(rng.randrange(80)))
