"""Telephone keys in RTP (RFC 4733): one DigitPressed for each key, when it is released. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mediaserver.events import DigitPressed

DIGITS = "0123456789*#ABCD"

LAPSE = 0.2
"""Seconds without an update after which a key counts as released: senders repeat every 20 to 50 ms (§2.5.1.2)."""


@dataclass(slots=True)
class _Key:
    event: int
    timestamp: int
    duration: int
    heard: float
    before: int = 0
    """Duration of the segments before this one: a key held for longer than 65535 units begins anew (§2.5.1.3)."""


class TelephoneEvents:
    """Feed it every event payload, in order, and ``lapse`` now and then; ``pressed`` is told each key once."""

    def __init__(self, clock_rate: int, pressed: Callable[[DigitPressed], None]) -> None:
        self._clock_rate = clock_rate
        self._pressed = pressed
        self._key: _Key | None = None
        self._done: int | None = None

    def feed(self, timestamp: int, payload: bytes, now: float) -> None:
        """Take one payload (§2.3); what is short or no key is ignored. ``timestamp`` is the start of the event."""
        if len(payload) < 4 or payload[0] >= len(DIGITS) or self._is_old(timestamp):
            return
        event, ended, duration = payload[0], payload[1] & 0x80, payload[2] << 8 | payload[3]
        key = self._key
        if key is None or key.timestamp != timestamp:
            key = self._begin(event, timestamp, now)
        key.duration, key.heard = max(key.duration, duration), now
        if ended:
            self._end()

    def lapse(self, now: float) -> None:
        """Report a key whose end was lost."""
        if self._key is not None and now - self._key.heard > LAPSE:
            self._end()

    def _is_old(self, timestamp: int) -> bool:
        """The end is sent three times, and packets may come late: at or before the last reported event is old."""
        return self._done is not None and (self._done - timestamp) & 0xFFFFFFFF < 0x80000000

    def _begin(self, event: int, timestamp: int, now: float) -> _Key:
        key, before = self._key, 0
        if key is not None and key.event == event and timestamp == (key.timestamp + key.duration) & 0xFFFFFFFF:
            before = key.before + key.duration
        elif key is not None:
            self._end()
        self._key = _Key(event, timestamp, 0, now, before)
        return self._key

    def _end(self) -> None:
        key, self._key = self._key, None
        if key is not None:
            self._done = key.timestamp
            self._pressed(DigitPressed(DIGITS[key.event], (key.before + key.duration) * 1000 // self._clock_rate))
