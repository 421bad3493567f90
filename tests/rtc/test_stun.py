"""STUN: round trips, RFC 5769 vectors, and any bytes at all."""

from __future__ import annotations

import os
import random

import pytest
from aioice import stun as theirs
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.rtc import stun

PASSWORD = b"VOkJxbRl1RmTxUk/WvJxBt"
# RFC 5769 §2.1, sample request with a long software name, USERNAME "evtj:h6vY".
RFC5769_REQUEST = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74"
    "002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020"
    "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf"
)


def check(*attributes: tuple[int, bytes], password: bytes | None = PASSWORD) -> bytes:
    return stun.build(stun.BINDING_REQUEST, os.urandom(12), list(attributes), password)


def test_reads_the_sample_request_of_the_rfc() -> None:
    message = stun.parse(RFC5769_REQUEST)
    assert message is not None
    assert message.kind == stun.BINDING_REQUEST
    assert stun.fragments(message.username) == (b"evtj", b"h6vY")
    assert stun.authentic(message, PASSWORD)
    assert not stun.authentic(message, PASSWORD + b"x")
    assert stun.ICE_CONTROLLED in message.attributes
    assert message.unknown == []


@pytest.mark.parametrize(("host", "port"), [("192.0.2.1", 32853), ("2001:db8:1234:5678:11:2233:4455:6677", 32853)])
def test_an_independent_implementation_reads_our_answer(host: str, port: int) -> None:
    request = stun.parse(check((stun.USERNAME, b"a:b")))
    assert request is not None
    answer = stun.success(request, host, port, PASSWORD)
    read = theirs.parse_message(answer)
    assert read.check_message_integrity(PASSWORD)
    assert read.attributes["XOR-MAPPED-ADDRESS"] == (host, port)
    mine = stun.parse(answer)
    assert mine is not None
    assert stun.read_xor_address(mine.attributes[stun.XOR_MAPPED_ADDRESS], mine.transaction) == (host, port)


def test_a_scoped_address_is_mapped_without_its_scope() -> None:
    mapped = stun.xor_address("fe80::1%eth0", 9, bytes(12))
    assert stun.read_xor_address(mapped, bytes(12)) == ("fe80::1", 9)


def test_we_read_what_an_independent_implementation_writes() -> None:
    message = theirs.Message(theirs.Method.BINDING, theirs.Class.REQUEST, transaction_id=os.urandom(12))
    message.attributes["USERNAME"] = "ours:theirs"
    message.attributes["USE-CANDIDATE"] = None
    message.attributes["PRIORITY"] = 1
    message.attributes["ICE-CONTROLLING"] = 7
    message.add_message_integrity(PASSWORD)
    read = stun.parse(bytes(message))
    assert read is not None
    assert read.nominates
    assert stun.authentic(read, PASSWORD)


@pytest.mark.parametrize("code", sorted(stun.REASONS))
def test_errors_are_read_by_an_independent_implementation(code: int) -> None:
    request = stun.parse(check((stun.USERNAME, b"a:b"), (0x7FFF, b"")))
    assert request is not None
    read = theirs.parse_message(stun.error(request, code, PASSWORD))
    assert read.check_message_integrity(PASSWORD)
    assert read.attributes["ERROR-CODE"] == (code, stun.REASONS[code])


def test_unknown_required_attributes_are_named() -> None:
    request = stun.parse(check((0x0021, b"1234"), (0x8021, b"")))
    assert request is not None
    assert request.unknown == [0x0021]


def test_attributes_behind_the_integrity_do_not_count() -> None:
    signed = check((stun.USERNAME, b"a:b"))[:-8]  # without FINGERPRINT
    late = signed + bytes.fromhex("00250000")
    late = late[:2] + (len(late) - 20).to_bytes(2, "big") + late[4:]
    message = stun.parse(late)
    assert message is not None
    assert not message.nominates
    assert stun.authentic(message, PASSWORD)


def test_the_first_of_two_attributes_counts() -> None:
    message = stun.parse(check((stun.USERNAME, b"a:b"), (stun.USERNAME, b"c:d")))
    assert message is not None
    assert message.username == b"a:b"


@pytest.mark.parametrize(
    "username", [None, b"", b"ab", b":", b"a:", b":b", b"x" * 600 + b":y"], ids=lambda u: repr(u)[:12]
)
def test_a_username_without_two_halves_names_nobody(username: bytes | None) -> None:
    assert stun.fragments(username) is None


def test_a_wrong_fingerprint_is_no_stun() -> None:
    good = check((stun.USERNAME, b"a:b"))
    assert stun.parse(good) is not None
    assert stun.parse(good[:-1] + bytes([good[-1] ^ 1])) is None


def test_every_truncation_is_refused() -> None:
    good = check((stun.USERNAME, b"abcd:efgh"), (stun.USE_CANDIDATE, b""))
    assert all(stun.parse(good[:length]) is None for length in range(len(good)))
    assert stun.parse(good + b"\0") is None


def test_many_attributes_are_refused() -> None:
    assert stun.parse(check(*[(0x8100 + n, b"") for n in range(100)], password=None)) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_nothing(data: bytes) -> None:
    stun.parse(data)
    stun.parse(b"\x00\x01" + max(0, len(data)).to_bytes(2, "big") + bytes.fromhex("2112a442") + bytes(12) + data)


def test_no_single_change_of_a_byte_passes_for_authentic() -> None:
    good = check((stun.USERNAME, b"abcd:efgh"), (stun.PRIORITY, b"\0\0\0\1"))
    rng = random.Random(1)
    for at in range(len(good) - 8):
        changed = bytearray(good)
        changed[at] ^= rng.randrange(1, 256)
        message = stun.parse(bytes(changed[:-8]))
        assert message is None or not stun.authentic(message, PASSWORD)
