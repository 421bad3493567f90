"""The records of calls that have ended, kept for a while for whoever made them. Pure but for the clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from mediaserver.clock import Clock, monotonic
from mediaserver.remember import remember

KEPT_S = 900.0
MAX_KEPT = 256


@dataclass(frozen=True, slots=True)
class Ended:
    """One call: whose it was, what is told of it (JSON, a third of the objects' memory), and when it is forgotten."""

    owner: str
    secret: str | None
    told: bytes
    until: float
    """Monotonic seconds."""


class EndedCalls:
    """Those of one worker: a quarter of an hour, and no more than 256 of them; the oldest are forgotten first."""

    def __init__(self, clock: Clock = monotonic, most: int = MAX_KEPT) -> None:
        self._clock = clock
        self._most = most
        self._kept: dict[str, Ended] = {}

    def keep(self, call_id: str, owner: str, secret: str | None, told: dict[str, Any]) -> None:
        """Keep what is told of a call."""
        ended = Ended(owner, secret, msgspec.json.encode(told), self._clock() + KEPT_S)
        remember(self._kept, call_id, ended, self._most)

    def find(self, call_id: str, owner: str, secret: str | None) -> dict[str, Any] | None:
        """Return what is told of a call of this owner; a client secret (``secret``) reaches only those that it opened."""
        one = self._kept.get(call_id)
        if one is None or one.owner != owner or one.until <= self._clock():
            return None
        if secret is not None and secret != one.secret:
            return None
        found: dict[str, Any] = msgspec.json.decode(one.told)
        return found
