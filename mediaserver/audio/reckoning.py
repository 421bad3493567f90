"""The loudspeaker of a caller who plays by himself: what he must have heard by now, reckoned. Pure.

Over a WebSocket sound is sent as fast as it is made and the client plays it. An item begins when its first sound was sent
and everything before it has ended, plays in real time, and waits where its sound has run out. The client's own word
(``conversation.item.truncate``) is better than any reckoning, see :meth:`Reckoning.cut`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mediaserver.events import PlayoutFinished, PlayoutStarted
from mediaserver.items import Played
from mediaserver.remember import remember

KEPT_S = 120
"""Seconds of sound that are kept for a tap until they have been played; what is more is silence to it."""

REMEMBERED = 32
"""Items that are over and whose played time is still known."""

Note = Callable[[PlayoutStarted | PlayoutFinished], None]


@dataclass(slots=True)
class _Item:
    """One item: ``sent`` bytes of sound, ``left`` of them played; ``sound`` is what a tap is still to hear."""

    id: str
    sent: int = 0
    left: float = 0.0
    started: bool = False
    finished: bool = False
    cut: bool = False
    sound: bytearray = field(default_factory=bytearray)


class Reckoning:
    """Bytes are of PCM16 mono at ``rate`` Hz; times are monotonic seconds. ``note`` may call back.

    ``tap`` is given what is played, with the moment at which it begins, whenever it is reckoned.
    An item that is over (played, cleared or cut) does not begin again: what still comes for it is not counted.
    """

    def __init__(self, rate: int, note: Note, tap: Callable[[bytes, float], None] | None = None) -> None:
        self._per_s = 2.0 * rate
        self._note = note
        self._tap = tap
        self._items: dict[str, _Item] = {}
        self._gone: dict[str, int] = {}
        self._at = 0.0  # reckoned up to here
        self._paused = False

    @property
    def due(self) -> float | None:
        """When :meth:`advance` has something to say: the end of the item that plays, once it is complete."""
        item = self._head()
        if item is None or self._paused or not item.finished:
            return None
        return self._at + self._wait(item)

    @property
    def sounding(self) -> bool:
        """Whether something is being played."""
        item = self._head()
        return item is not None and not self._paused and self._wait(item) > 0

    def add(self, item_id: str, pcm: bytes, now: float) -> None:
        """This much of an item was sent."""
        self.advance(now)
        if item_id not in self._gone and not self._item(item_id).cut:
            item = self._item(item_id)
            item.sent += len(pcm)
            if self._tap is not None and self._kept() + len(pcm) <= KEPT_S * self._per_s:
                item.sound += pcm
            self._begin()

    def finish(self, item_id: str, now: float) -> None:
        """No more sound comes for this item: PlayoutFinished follows when it has been played, also if it has none."""
        self.advance(now)
        if item_id not in self._gone:
            self._item(item_id).finished = True
            self.advance(now)

    def advance(self, now: float) -> None:
        """Reckon up to ``now``, and say what began and ended."""
        while (item := self._head()) is not None and not self._paused:
            wait = self._wait(item)
            if self._at + wait > now:
                self._play(item, item.left + max(0.0, now - self._at) * self._per_s)
                break
            self._play(item, item.sent)
            self._at += wait
            if not item.finished:
                break
            self._end(item, self._at)
            self._begin()
        self._at = max(self._at, now)

    def pause(self, now: float) -> None:
        """Nothing is heard from now on."""
        self.advance(now)
        self._paused = True

    def resume(self, now: float) -> None:
        """Go on where :meth:`pause` stopped."""
        self.advance(now)
        self._paused = False
        self.advance(now)
        self._begin()

    def clear(self, now: float) -> tuple[Played, ...]:
        """Forget what is not over, and say how much of each was heard."""
        self.advance(now)
        played = tuple(Played(item.id, self._ms(item.left)) for item in self._items.values())
        for item in [*self._items.values()]:
            self._forget(item)
        self._paused = False
        return played

    def cut(self, item_id: str, played_ms: int, now: float) -> None:
        """The client stopped playing this item after so many milliseconds; in a pause it is over when that ends."""
        self.advance(now)
        item = self._items.get(item_id)
        if item is not None:
            item.left = min(item.sent, played_ms * self._per_s / 1000)
            item.sent = round(item.left)
            item.finished = item.cut = True
            item.sound.clear()
            self.advance(now)

    def played(self, item_id: str, now: float) -> int:
        """Milliseconds of this item that were heard so far; 0 for one that is not known."""
        self.advance(now)
        item = self._items.get(item_id)
        return self._ms(item.left) if item is not None else self._gone.get(item_id, 0)

    # --- the inside ---------------------------------------------------------------------------------------------------

    def _play(self, item: _Item, left: float) -> None:
        samples = int(left) // 2 - int(item.left) // 2
        item.left = left
        if self._tap is not None and samples > 0 and item.sound:
            heard = bytes(item.sound[: 2 * samples])
            del item.sound[: 2 * samples]
            self._tap(heard, self._at)

    def _kept(self) -> int:
        return sum(len(item.sound) for item in self._items.values())

    def _head(self) -> _Item | None:
        return next(iter(self._items.values()), None)

    def _item(self, item_id: str) -> _Item:
        return self._items.setdefault(item_id, _Item(item_id))

    def _wait(self, item: _Item) -> float:
        return max(0.0, (item.sent - item.left) / self._per_s)

    def _ms(self, size: float) -> int:
        return round(size * 1000 / self._per_s)

    def _begin(self) -> None:
        item = self._head()
        if item is not None and item.sent and not item.started and not self._paused:
            item.started = True
            self._note(PlayoutStarted(item.id, self._at))

    def _end(self, item: _Item, at: float) -> None:
        self._forget(item)
        self._note(PlayoutFinished(item.id, self._ms(item.left), at))

    def _forget(self, item: _Item) -> None:
        del self._items[item.id]
        remember(self._gone, item.id, self._ms(item.left), REMEMBERED)
