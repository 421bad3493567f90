"""What happened in one call, for whoever pays or answers for it: bounded, append-only, no sound and no words."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from mediaserver.clock import Clock
from mediaserver.events import Event, ResponseDone, SessionEnded, TranscriptFinal, UsageReported
from mediaserver.items import Usage

MAX_ENTRIES = 2000
MAX_KEYS = 4000


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened: ``at_ms`` since the call began, what kind, and its facts (plain values)."""

    at_ms: int
    kind: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Spent:
    """One report of usage, as the provider gave it or as we metered it; nothing is priced here."""

    leg: int
    provider: str
    kind: str
    key: str
    usage: Usage


class CallRecord:
    """The record of one call. ``leg`` counts the providers that carried it, from 0; usage belongs to the leg it came from.

    Each usage is booked once: what a provider reports twice under one key counts once, also when it comes late.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock()
        self._entries: deque[Entry] = deque(maxlen=MAX_ENTRIES)
        self._spent: deque[Spent] = deque(maxlen=MAX_KEYS)
        self._keys: set[tuple[int, str, str]] = set()
        self.lost = 0
        """Entries and usage beyond the bounds; they are counted, not kept."""

    def note(self, kind: str, **facts: Any) -> None:
        """Write down that something happened."""
        self.lost += len(self._entries) == MAX_ENTRIES
        self._entries.append(Entry(int((self._clock() - self._began) * 1000), kind, facts))

    def happened(self, event: Event, leg: int, provider: str) -> None:
        """Book the usage that an event of a provider tells of."""
        read = _USAGE.get(type(event))
        found = read(event) if read is not None else None
        if found is None:
            return
        kind, key, usage = found
        if (leg, kind, key) in self._keys:
            return
        if len(self._keys) >= MAX_KEYS:
            self.lost += 1
            return
        self._keys.add((leg, kind, key))
        self._spent.append(Spent(leg, provider, kind, key, usage))

    def ended(self, event: SessionEnded) -> None:
        """The call is over."""
        self.note("ended", reason=event.reason, detail=event.detail)

    def entries(self) -> list[dict[str, Any]]:
        """Return what happened, oldest first, as plain values."""
        return [{"at_ms": entry.at_ms, "kind": entry.kind, **entry.facts} for entry in self._entries]

    def spent(self) -> list[Spent]:
        """Return the usage booked so far, in the order in which it was told."""
        return [*self._spent]

    def usage(self) -> list[dict[str, Any]]:
        """Return the usage as plain values, only what is not zero."""
        return [
            {"leg": one.leg, "provider": one.provider, "kind": one.kind, **_present(one.usage)} for one in self._spent
        ]


def _present(usage: Usage) -> dict[str, Any]:
    return {name: value for name, value in asdict(usage).items() if value}


def _of_response(event: ResponseDone) -> tuple[str, str, Usage] | None:
    return None if event.usage is None else ("response", event.response_id, event.usage)


def _of_transcript(event: TranscriptFinal) -> tuple[str, str, Usage] | None:
    return None if event.usage is None else ("transcript", event.item_id, event.usage)


def _of_session(event: UsageReported) -> tuple[str, str, Usage]:
    return event.kind, event.key, event.usage


_USAGE: dict[type[Event], Callable[[Any], tuple[str, str, Usage] | None]] = {
    ResponseDone: _of_response,
    TranscriptFinal: _of_transcript,
    UsageReported: _of_session,
}
