"""The caller's speech as the client is told of it, made of what the provider says and of what we hear ourselves. Pure.

Whatever the provider leaves out, the order is that of the contract: ``speech_started``, ``speech_stopped`` with the same
item, then the commit. Names that a provider gives to a turn only when it commits it are mapped to the one already told.
"""

from __future__ import annotations

from mediaserver.audio.inbound import Edge, Onset
from mediaserver.bridge import SpeechEvents
from mediaserver.clock import new_id
from mediaserver.events import Event, SpeechStarted, SpeechStopped
from mediaserver.remember import remember

FORGET_S = 4.0
"""Speech that ended and that the provider did not take for a turn is over for the client after this long."""

_KEPT = 64


class Speaking:
    """``says`` is what the provider tells by itself: both edges, the start only, or neither."""

    def __init__(self, says: SpeechEvents) -> None:
        self._says = says
        self._item: str | None = None
        self._end_ms: int | None = None
        self._ended_at: float | None = None
        self._names: dict[str, str] = {}

    @property
    def now(self) -> bool:
        """Somebody speaks."""
        return self._item is not None and self._end_ms is None

    @property
    def due(self) -> float | None:
        """When :meth:`tick` has something to say."""
        return None if self._ended_at is None else self._ended_at + FORGET_S

    def name(self, item_id: str) -> str:
        """Return the name under which the client knows a turn."""
        return self._names.get(item_id, item_id)

    def edge(self, edge: Edge, now: float) -> list[Event]:
        """Take what we heard; say what the provider does not."""
        if self._says == "both":
            return []
        if isinstance(edge, Onset):
            self._end_ms = self._ended_at = None
            if self._says == "start" or self._item is not None:
                return []
            return self._begin(new_id("item"), edge.start_ms)
        if self._item is not None:
            self._end_ms, self._ended_at = edge.end_ms, now
        return []

    def started(self, event: SpeechStarted) -> list[Event]:
        """Take the provider's word that speech began."""
        if self._item is not None:
            self._remember(event.item_id, self._item)
            self._end_ms = self._ended_at = None
            return []
        return self._begin(event.item_id, event.audio_start_ms)

    def stopped(self, event: SpeechStopped) -> list[Event]:
        """Take the provider's word that speech ended."""
        told = self._begin(event.item_id, event.audio_end_ms) if self._item is None else []
        item, _ = self._take()
        if item is not None:
            self._remember(event.item_id, item)
        return [*told, SpeechStopped(item or event.item_id, event.audio_end_ms)]

    def committed(self, item_id: str, clock_ms: int) -> list[Event]:
        """The provider made a turn of it: say what of its speech was not said yet."""
        if self._says == "both" and (self._item is None or self._item != self.name(item_id)):
            return []
        told: list[Event] = []
        if self._item is None and self.name(item_id) == item_id:
            told = self._begin(item_id, clock_ms)
        item, end_ms = self._take()
        if item is None:
            return told
        self._remember(item_id, item)
        return [*told, SpeechStopped(item, clock_ms if end_ms is None else end_ms)]

    def tick(self, now: float) -> list[Event]:
        """It was no turn: say that the speech ended."""
        if self._ended_at is None or now < self._ended_at + FORGET_S:
            return []
        item, end_ms = self._take()
        return [] if item is None else [SpeechStopped(item, end_ms or 0)]

    def leave(self, clock_ms: int) -> list[Event]:
        """Another provider goes on, and names by itself what it hears: say that what began has ended."""
        item, end_ms = self._take()
        return [] if item is None else [SpeechStopped(item, clock_ms if end_ms is None else end_ms)]

    def _take(self) -> tuple[str | None, int | None]:
        """Return the speech and where it ended, as far as they are known, and be done with it."""
        item, end_ms = self._item, self._end_ms
        self._item = self._end_ms = self._ended_at = None
        return item, end_ms

    def _begin(self, item_id: str, start_ms: int) -> list[Event]:
        self._item, self._end_ms, self._ended_at = item_id, None, None
        return [SpeechStarted(item_id, start_ms)]

    def _remember(self, theirs: str, ours: str) -> None:
        if theirs != ours:
            remember(self._names, theirs, ours, _KEPT)
