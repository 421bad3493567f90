import random

import pytest
from aiortc.rtp import RtpPacket
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.rtc import rtp
from mediaserver.rtc.rtp import Packet


def test_writes_what_aiortc_reads():
    data = rtp.serialise(111, True, 65535, 0xFFFFFFFF, 0x12345678, b"sound", rtp.extension({1: b"\x8a", 3: b"mid"}))
    packet = RtpPacket.parse(data)
    assert (packet.payload_type, packet.marker, packet.sequence_number) == (111, 1, 65535)
    assert (packet.timestamp, packet.ssrc, packet.payload) == (0xFFFFFFFF, 0x12345678, b"sound")


@given(st.integers(0, 127), st.booleans(), st.integers(0, 65535), st.binary(max_size=100),
       st.dictionaries(st.integers(1, 255), st.binary(max_size=40), max_size=5))  # fmt: skip
def test_reads_what_it_writes(kind, marker, sequence, payload, elements):
    packet = rtp.parse(rtp.serialise(kind, marker, sequence, 7, 9, payload, rtp.extension(elements)))
    assert packet[:6] == (kind, marker, sequence, 7, 9, payload)
    assert {name: rtp.element(packet, name) for name in elements} == elements


def test_reads_csrc_extension_and_padding():
    packet = RtpPacket(payload_type=0, sequence_number=1, timestamp=2, ssrc=3, payload=b"abc")
    packet.csrc, packet.padding_size = [4, 5], 8
    parsed = rtp.parse(packet.serialize())
    assert parsed == Packet(0, False, 1, 2, 3, b"abc")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80" * 11,
        b"\x40" + bytes(20),  # version 1
        b"\x8f" + bytes(20),  # 15 CSRCs that are not there
        b"\x90" + bytes(11),  # extension without header
        b"\x90" + bytes(11) + b"\xbe\xde\x00\x09" + bytes(8),  # longer than the packet
        b"\xa0" + bytes(12),  # padding of zero
        b"\xa0" + bytes(11) + b"\x05",  # padding over the header
    ],
)
def test_refuses_what_is_no_packet(data):
    assert rtp.parse(data) is None


def test_level_is_dbov_without_the_voice_flag():
    packet = rtp.parse(rtp.serialise(0, False, 0, 0, 0, b"", rtp.extension({5: b"\xaa"})))
    assert rtp.level(packet, 5) == -42
    assert rtp.level(packet, 6) is None


@pytest.mark.parametrize("raw", [b"\x1f", b"\x00\x00\x00\x15", b"\xf0\x10\x10\x10", b"\x10"])
@pytest.mark.parametrize("profile", [rtp.ONE_BYTE, rtp.TWO_BYTES, 0x1234])
def test_broken_extensions_have_no_elements(profile, raw):
    packet = Packet(0, False, 0, 0, 0, b"", profile, raw)
    assert rtp.element(packet, 14) is None
    assert rtp.element(packet, 1) in (None, b"\x10")


def test_hostile_bytes_never_raise():
    chance = random.Random(5)
    for _ in range(20000):
        data = bytearray(chance.randbytes(chance.randrange(60)))
        if data and chance.random() < 0.8:
            data[0] = 0x80 | data[0] & 0x3F
        packet = rtp.parse(bytes(data))
        if packet is not None:
            rtp.element(packet, chance.randrange(16))


@pytest.mark.parametrize(
    ("data", "ssrc"),
    [
        (bytes.fromhex("806f000100000002deadbeef") + b"sound", b"\xde\xad\xbe\xef"),
        (bytes.fromhex("906f000100000002deadbeef"), b"\xde\xad\xbe\xef"),
        (bytes.fromhex("806f000100000002deadbe"), None),
        (bytes.fromhex("80c8000100000002deadbeef"), None),
        (bytes.fromhex("16fefd000000000000000000"), None),
        (bytes.fromhex("c06f000100000002deadbeef"), None),
        (b"", None),
    ],
    ids=["rtp", "with an extension", "cut short", "rtcp", "dtls", "nothing known", "empty"],
)
def test_the_ssrc_of_what_looks_like_sound(data, ssrc):
    assert rtp.stream(data) == ssrc
