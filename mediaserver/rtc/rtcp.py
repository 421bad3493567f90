"""RTCP (RFC 3550 §6): compound packets in and out through aiortc's classes, and the arithmetic of its reports. Pure.

Our NTP times count monotonic seconds, which §6.4.1 allows to a sender without wall-clock time: only differences matter.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from aiortc.rtp import (
    AnyRtcpPacket,
    RtcpByePacket,
    RtcpPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSourceInfo,
    RtcpSrPacket,
    clamp_packets_lost,
)

REPORT_S = (1.0, 4.0)
"""The random time between reports, in seconds (RFC 3550 §6.2, with the reduced minimum of §6.2 for sessions of two)."""

MAX_BYTES = 1500
_CNAME = 1


def parse(data: bytes) -> list[AnyRtcpPacket]:
    """Read a compound packet; what cannot be read yields an empty list, it never raises."""
    if len(data) > MAX_BYTES:
        return []
    try:
        return RtcpPacket.parse(data)
    except (ValueError, struct.error, IndexError):
        return []


def ntp(now: float) -> int:
    """Return seconds as a 64-bit NTP timestamp, 32.32 bits (RFC 3550 §4)."""
    return int(now * (1 << 32)) & 0xFFFFFFFFFFFFFFFF


def middle(timestamp: int) -> int:
    """Return the middle 32 bits of an NTP timestamp, in 1/65536 s."""
    return timestamp >> 16 & 0xFFFFFFFF


def round_trip(block: RtcpReceiverInfo, now: float) -> float | None:
    """Return the round trip in seconds from a report on us (RFC 3550 §6.4.1, DLSR), None when it cannot be true."""
    if not block.lsr:
        return None
    ticks = (middle(ntp(now)) - block.lsr - block.dlsr) & 0xFFFFFFFF
    return ticks / 65536 if ticks < 0x80000000 and ticks < 60 * 65536 else None


def report(
    ssrc: int, cname: str, *, sender: RtcpSenderInfo | None = None, blocks: Sequence[RtcpReceiverInfo] = ()
) -> bytes:
    """Return a compound SR (RR without ``sender``) with our CNAME."""
    found = list(blocks)
    head = RtcpSrPacket(ssrc, sender, found) if sender is not None else RtcpRrPacket(ssrc, found)
    return bytes(head) + _description(ssrc, cname)


def goodbye(ssrc: int, cname: str) -> bytes:
    """Return the compound packet that ends our stream (§6.6)."""
    return bytes(RtcpRrPacket(ssrc)) + _description(ssrc, cname) + bytes(RtcpByePacket([ssrc]))


def _description(ssrc: int, cname: str) -> bytes:
    return bytes(RtcpSdesPacket([RtcpSourceInfo(ssrc, [(_CNAME, cname.encode()[:255])])]))


class Reception:
    """What we report about one stream we receive: extended sequence, loss and jitter (RFC 3550 appendix A.3 and A.8).

    ``clock_rate`` is that of its timestamps in Hz.
    """

    def __init__(self, ssrc: int, clock_rate: int) -> None:
        self.ssrc = ssrc
        self.clock_rate = clock_rate
        self.received = 0
        self.jitter = 0.0
        self._first: int | None = None
        self._highest = 0
        self._transit: float | None = None
        self._reported = (0, 0)
        self._sender_report = (0, 0.0)

    @property
    def expected(self) -> int:
        """Packets that should have come so far."""
        return 0 if self._first is None else self._highest - self._first + 1

    def heard(self, sequence: int, timestamp: int | None, now: float) -> None:
        """Count a packet by its extended sequence number; ``timestamp`` None leaves the jitter alone (§6.4.1, events)."""
        self.received += 1
        if self._first is None or sequence < self._first:
            self._first = sequence if self._first is None else self._first
            self._highest = max(self._highest, sequence)
        elif sequence > self._highest:
            self._highest = sequence
        if timestamp is not None:
            self._measure(now * self.clock_rate - timestamp)

    def _measure(self, transit: float) -> None:
        if self._transit is not None:
            difference = abs(transit - self._transit)
            if difference < self.clock_rate:  # more than a second is a jump of the timestamps, not of the network
                self.jitter += (difference - self.jitter) / 16
        self._transit = transit

    def ahead(self, sequence: int) -> bool:
        """Say whether a sequence number of 16 bits is beyond all that were heard."""
        return 0 < (sequence - self._highest & 0xFFFF) < 0x8000

    def sender_report(self, ntp_timestamp: int, now: float) -> None:
        """Remember when their last SR came, for LSR and DLSR."""
        self._sender_report = (middle(ntp_timestamp), now)

    def block(self, now: float) -> RtcpReceiverInfo:
        """Return the report block; fractions count since the block before."""
        expected, received = self.expected, self.received
        due, got = expected - self._reported[0], received - self._reported[1]
        self._reported = (expected, received)
        lost = max(0, due - got)
        lsr, at = self._sender_report
        return RtcpReceiverInfo(
            ssrc=self.ssrc,
            fraction_lost=min(255, lost * 256 // due) if due > 0 else 0,
            packets_lost=clamp_packets_lost(expected - received),
            highest_sequence=self._highest & 0xFFFFFFFF,
            jitter=min(int(self.jitter), 0xFFFFFFFF),
            lsr=lsr,
            dlsr=min(int((now - at) * 65536), 0xFFFFFFFF) if lsr else 0,
        )
