"""An adaptive jitter buffer for a listener that has no loudspeaker: in order means at once. Pure.

What arrives in order is released in the same call. Only a gap waits: until ``target`` after it was due itself, judged by the
fastest packets of the last seconds, and always long enough for two packets that changed places. The target follows how late
packets really come, in steps of 20 ms: up with the second late packet, down again within 4 s. A gap that is declared lost is
never waited for again.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from mediaserver.rtc.rtp import Packet

STEP_MS = 20
LEAST_MS = 20
MOST_MS = 300

CAPACITY = 64
"""Packets held; with more the oldest gap is lost at once."""

MOST_LOST = 50
"""A gap of more packets (1 s) is one loss, not so many."""

MAX_DROPOUT = 3000
MAX_MISORDER = 128
"""Sequence jumps beyond these are a new stream once its next packet follows (RFC 3550 appendix A.1)."""

_BUCKET = 0.5
_BUCKETS = 8
_BINS = MOST_MS // STEP_MS
_OUTLIERS = 200
"""One late packet in so many does not raise the target."""

_JUMP = 2.0
"""Seconds by which transit cannot change: the clock of the timestamps did."""


class Copy(Packet):
    """A packet that did not come, out of a later one (RFC 2198)."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Packets that will not come; ``before`` is the one that waits behind them, right behind if ``adjacent``."""

    packets: int
    before: Packet
    adjacent: bool


@dataclass(slots=True)
class _Bucket:
    index: int
    least: float
    counts: list[int] = field(default_factory=lambda: [0] * _BINS)


class Delays:
    """How late packets are against the fastest of the last 4 s, as a histogram of 20 ms bins."""

    def __init__(self) -> None:
        self.least = 0.0
        self._bin = 0
        self._last: float | None = None
        self._buckets: deque[_Bucket] = deque(maxlen=_BUCKETS)

    @property
    def target(self) -> float:
        """Seconds to wait for what is missing."""
        return (self._bin + 1) * STEP_MS / 1000

    def note(self, transit: float, now: float) -> None:
        """Take a packet's transit time in seconds (any origin) at ``now``."""
        if self._last is not None and abs(transit - self._last) > _JUMP:
            self._buckets.clear()
        self._last = transit
        bucket = self._bucket(transit, now)
        if transit < bucket.least:
            bucket.least = transit
        if transit < self.least:
            self.least = transit
        late = min(int((transit - self.least) * 1000 / STEP_MS), _BINS - 1)
        bucket.counts[late] += 1
        if late > self._bin:
            self._judge()

    def _bucket(self, transit: float, now: float) -> _Bucket:
        index = int(now / _BUCKET)
        if self._buckets and self._buckets[-1].index >= index:
            return self._buckets[-1]
        while self._buckets and self._buckets[0].index <= index - _BUCKETS:
            self._buckets.popleft()
        self._buckets.append(_Bucket(index, transit))
        self._rebase(min(bucket.least for bucket in self._buckets))
        self._judge()
        return self._buckets[-1]

    def _rebase(self, least: float) -> None:
        """Count from the fastest packet that is still remembered: on a path that got longer nobody is late."""
        shift = min(int((least - self.least) * 1000 / STEP_MS), _BINS - 1)
        self.least = least
        if shift > 0:
            for bucket in self._buckets:
                counts = bucket.counts
                bucket.counts = [sum(counts[: shift + 1]), *counts[shift + 1 :], *([0] * shift)]

    def _judge(self) -> None:
        counts = [sum(column) for column in zip(*(bucket.counts for bucket in self._buckets), strict=True)]
        spare = sum(counts) // _OUTLIERS
        late = _BINS - 1
        while late and counts[late] <= spare:
            spare -= counts[late]
            late -= 1
        self._bin = late


class JitterBuffer:
    """Files packets of one stream by sequence number; :meth:`push` one, then :meth:`pop` until it returns None.

    :meth:`mend` before the push takes what a packet repeats of earlier ones.
    """

    def __init__(self) -> None:
        self.received = 0
        self.late = 0
        self.duplicate = 0
        self.resets = 0
        self._delays = Delays()
        self.held: dict[int, Packet] = {}
        """What has come and waits for something before it, by extended sequence number."""
        self._next: int | None = None
        self._history = 0
        self._copies: set[int] = set()
        self._probe: int | None = None
        self._clock = 0
        self._latest = 0
        self._step = STEP_MS / 1000
        self._released: tuple[int, int] | None = None

    @property
    def target(self) -> float:
        """Seconds that a gap may wait."""
        return self._delays.target

    def push(self, packet: Packet, now: float, clock_rate: int) -> int | None:
        """File a packet; returns its extended sequence number, or None for one that came before or may be of no stream.

        ``clock_rate`` of its timestamps in Hz, 0 when they tell no time (telephone events).
        """
        sequence = packet.sequence
        if self._next is None:
            self._next = sequence + 0x10000
        ahead = ((sequence - self._next + 0x8000) & 0xFFFF) - 0x8000
        if ahead > MAX_DROPOUT or ahead < -MAX_MISORDER:
            return self._jump(packet, now, clock_rate)
        self._probe = None
        number = self._next + ahead
        if number in self.held or (ahead < 0 and self._history >> (-ahead - 1) & 1):
            self.duplicate += 1
            return self._after_its_copy(number)
        self.received += 1
        if clock_rate:
            self._time(packet.timestamp, now, clock_rate)
        if ahead < 0:
            self._history |= 1 << (-ahead - 1)
            self.late += 1
        else:
            self.held[number] = packet
        return number

    def mend(self, packet: Packet, offset: int, payload_type: int, payload: bytes) -> bool:
        """File what ``packet`` repeats, ``offset`` units of the clock before its time; False where nothing is missing.

        Which packet that was follows from how long one lasts (RFC 2198 names times only): what fits no packet is left out.
        A copy says nothing about the network, and when its original comes after all that is a duplicate.
        """
        step = round(self._step * self._clock)
        if self._next is None or not step or offset < step or offset % step:
            return False
        sequence = packet.sequence - offset // step & 0xFFFF
        ahead = ((sequence - self._next + 0x8000) & 0xFFFF) - 0x8000
        number = self._next + ahead
        if not 0 <= ahead < CAPACITY or number in self.held:
            return False
        timestamp = packet.timestamp - offset & 0xFFFFFFFF
        self.held[number] = Copy(payload_type, False, sequence, timestamp, packet.ssrc, payload)
        self._copies = {copy for copy in self._copies if copy >= self._next - MAX_MISORDER} | {number}
        return True

    def _after_its_copy(self, number: int) -> int | None:
        """The original of a copy did arrive, once: the network lost nothing."""
        if number not in self._copies:
            return None
        self._copies.remove(number)
        return number

    def pop(self, now: float) -> Packet | Lost | None:
        """Return what is to be heard next, or None: nothing, or a gap that may still close."""
        if not self.held or self._next is None:
            return None
        packet = self.held.pop(self._next, None)
        if packet is not None:
            self._advance(1, 1)
            self._learn_step(packet)
            return packet
        first = min(self.held)
        before, missing = self.held[first], first - self._next
        if len(self.held) < CAPACITY and now < self._due(before.timestamp, missing):
            return None
        lost = missing if missing > MOST_LOST else 1
        self._advance(lost, 0)
        return Lost(lost, before, lost == missing)

    def _advance(self, packets: int, arrived: int) -> None:
        self._next = (self._next or 0) + packets
        self._history = (self._history << packets | arrived) & ((1 << MAX_MISORDER) - 1)

    def _time(self, timestamp: int, now: float, clock_rate: int) -> None:
        if clock_rate != self._clock:
            self._clock, self._latest = clock_rate, timestamp
        self._latest = latest = self._unwrapped(timestamp)
        self._delays.note(now - latest / clock_rate, now)

    def _unwrapped(self, timestamp: int) -> int:
        return self._latest + ((timestamp - self._latest + 0x80000000) & 0xFFFFFFFF) - 0x80000000

    def _learn_step(self, packet: Packet) -> None:
        """Measure how long one packet lasts from two that follow each other; DTX and events are no measure."""
        number, before = self._next or 0, self._released
        self._released = (number, packet.timestamp)
        if before is None or before[0] != number - 1 or not self._clock:
            return
        step = ((packet.timestamp - before[1]) & 0xFFFFFFFF) / self._clock
        if 0.0 < step <= 0.12:
            self._step = step

    def _due(self, timestamp: int, missing: int) -> float:
        """Return when to give up the next packet: what comes later than this after its own time is not expected to come."""
        if not self._clock:
            return 0.0
        expected = self._delays.least + self._unwrapped(timestamp) / self._clock - missing * self._step
        return expected + max(self._step + LEAST_MS / 1000, self._delays.target)

    def _jump(self, packet: Packet, now: float, clock_rate: int) -> int | None:
        """Wait for the packet after a huge jump; if it comes, the sender began anew."""
        if packet.sequence != self._probe:
            self._probe = packet.sequence + 1 & 0xFFFF
            self.late += 1
            return None
        self.resets += 1
        self.held.clear()
        self._copies.clear()
        self._next, self._history, self._probe, self._clock = None, 0, None, 0
        self._released, self._delays = None, Delays()
        return self.push(packet, now, clock_rate)
