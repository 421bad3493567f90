"""The loudspeaker of a caller on a WebSocket: :class:`Reckoning` with a clock and one timer."""

from __future__ import annotations

from mediaserver.audio.reckoning import Note, Reckoning
from mediaserver.caller import Played
from mediaserver.clock import Clock
from mediaserver.conversation.alarm import Alarm


class Loudspeaker:
    """Keeps the books of what was sent; ``rate`` in Hz of the PCM16 mono that :meth:`add` counts."""

    def __init__(self, rate: int, note: Note, clock: Clock) -> None:
        self._clock = clock
        self._reckoning = Reckoning(rate, note)
        self._alarm = Alarm(clock, self._rung)

    def add(self, item_id: str, size: int) -> None:
        """So many bytes were sent."""
        self._reckoning.add(item_id, size, self._clock())
        self._alarm.set(self._reckoning.due)

    def finish(self, item_id: str) -> None:
        """No more sound comes for this item."""
        self._reckoning.finish(item_id, self._clock())
        self._alarm.set(self._reckoning.due)

    def pause(self) -> None:
        """The client is expected to be silent."""
        self._reckoning.pause(self._clock())

    def resume(self) -> None:
        """The client is expected to go on."""
        self._reckoning.resume(self._clock())
        self._alarm.set(self._reckoning.due)

    def clear(self) -> tuple[Played, ...]:
        """Forget what is not over and say how much of it was heard."""
        return self._reckoning.clear(self._clock())

    def cut(self, item_id: str, played_ms: int) -> None:
        """The client says how much it played of an item."""
        self._reckoning.cut(item_id, played_ms, self._clock())
        self._alarm.set(self._reckoning.due)

    def played(self, item_id: str) -> int:
        """Milliseconds of an item that were heard so far."""
        return self._reckoning.played(item_id, self._clock())

    def stop(self) -> None:
        """Say nothing any more."""
        self._alarm.stop()

    def _rung(self) -> None:
        self._reckoning.advance(self._clock())
        self._alarm.set(self._reckoning.due)
