import random

import pytest
from aiortc.rtp import RtcpByePacket, RtcpReceiverInfo, RtcpRrPacket, RtcpSdesPacket, RtcpSenderInfo, RtcpSrPacket

from mediaserver.rtc import rtcp
from mediaserver.rtc.rtcp import Reception


def block(**values):
    return RtcpReceiverInfo(**{**dict.fromkeys(RtcpReceiverInfo.__dataclass_fields__, 0), **values})


def test_composes_what_it_parses():
    info = RtcpSenderInfo(rtcp.ntp(5.5), 1234, 10, 600)
    sender, names = rtcp.parse(rtcp.report(7, "me", sender=info, blocks=[block(ssrc=9, fraction_lost=25)]))
    assert isinstance(sender, RtcpSrPacket)
    assert (sender.ssrc, sender.sender_info, sender.reports[0].fraction_lost) == (7, info, 25)
    assert isinstance(names, RtcpSdesPacket)
    assert names.chunks[0].items == [(1, b"me")]


def test_says_goodbye_in_a_compound_packet():
    kinds = [type(packet) for packet in rtcp.parse(rtcp.goodbye(7, "me"))]
    assert kinds == [RtcpRrPacket, RtcpSdesPacket, RtcpByePacket]


def test_hostile_bytes_never_raise():
    chance, good = random.Random(3), rtcp.report(7, "me", blocks=[block()]) + rtcp.goodbye(7, "me")
    for _ in range(20000):
        data = bytearray(good[: chance.randrange(len(good) + 1)])
        for _ in range(chance.randrange(4)):
            if data:
                data[chance.randrange(len(data))] = chance.randrange(256)
        rtcp.parse(bytes(data))
    assert rtcp.parse(bytes(5000)) == []


@pytest.mark.parametrize("now", [1000.0, 65536.0 * 2 - 0.05])  # the middle bits wrap
def test_round_trip_of_a_report(now):
    seen = block(lsr=rtcp.middle(rtcp.ntp(now)), dlsr=int(0.5 * 65536))
    assert rtcp.round_trip(seen, now + 0.58) == pytest.approx(0.08, abs=1e-3)


def test_round_trip_that_cannot_be_true():
    assert rtcp.round_trip(block(), 10.0) is None
    assert rtcp.round_trip(block(lsr=rtcp.middle(rtcp.ntp(20.0))), 10.0) is None


def test_reports_loss_since_the_last_report_and_in_all():
    reception = Reception(9, 8000)
    for sequence in range(100, 150):
        if sequence % 10:
            reception.heard(sequence, sequence * 160, sequence * 0.02)
    reception.heard(150, 150 * 160, 3.0)
    first = reception.block(3.1)
    assert (first.packets_lost, first.highest_sequence) == (4, 150)
    assert first.fraction_lost == 4 * 256 // 50
    reception.heard(151, 151 * 160, 3.02)
    assert reception.block(4.0).fraction_lost == 0
    assert reception.block(5.0).fraction_lost == 0


def test_jitter_follows_the_arrivals_and_ignores_events_and_jumps():
    reception, chance = Reception(9, 8000), random.Random(1)
    for number in range(1000):
        reception.heard(number, number * 160, number * 0.02 + chance.choice((0.0, 0.01)))
    assert reception.jitter / 8 == pytest.approx(5.0, rel=0.4)  # half of the differences are 10 ms
    before = reception.jitter
    reception.heard(1000, None, 500.0)
    reception.heard(1001, 5, 20.02)
    assert reception.jitter == before


@pytest.mark.parametrize(
    ("highest", "sequence", "ahead"),
    [(5, 6, True), (5, 5, False), (5, 4, False), (0xFFFF, 0, True), (0x10000, 0xFFFF, False), (0x1FFFF, 2, True)],
)
def test_what_is_ahead_of_all_that_came(highest, sequence, ahead):
    reception = Reception(9, 8000)
    reception.heard(highest, None, 0.0)
    assert reception.ahead(sequence) is ahead


def test_echoes_the_last_sender_report():
    reception = Reception(9, 8000)
    reception.heard(1, 0, 0.0)
    assert (reception.block(1.0).lsr, reception.block(1.0).dlsr) == (0, 0)
    reception.sender_report(0x1111222233334444, 10.0)
    report = reception.block(10.5)
    assert (report.lsr, report.dlsr) == (0x22223333, 32768)
