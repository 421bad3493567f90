"""The loudspeaker of a caller on a WebSocket: :class:`Reckoning` with a clock and one timer."""

from __future__ import annotations

from mediaserver.audio.reckoning import Note, Reckoning
from mediaserver.caller import Played, Tap
from mediaserver.clock import Clock, earliest
from mediaserver.conversation.alarm import Alarm

TAP_S = 0.1
"""How often a tap is given what was played, in seconds."""


class Loudspeaker:
    """Keeps the books of what was sent; ``rate`` in Hz of the PCM16 mono that :meth:`add` counts, ``tap`` hears it."""

    def __init__(self, rate: int, note: Note, clock: Clock, tap: Tap | None = None) -> None:
        self._clock = clock
        self._tapped = tap is not None
        self._reckoning = Reckoning(rate, note, tap)
        self._alarm = Alarm(clock, self._rung)

    def add(self, item_id: str, pcm: bytes) -> None:
        """This was sent."""
        self._reckoning.add(item_id, pcm, self._clock())
        self._set_alarm()

    def finish(self, item_id: str) -> None:
        """No more sound comes for this item."""
        self._reckoning.finish(item_id, self._clock())
        self._set_alarm()

    def pause(self) -> None:
        """The client is expected to be silent."""
        self._reckoning.pause(self._clock())

    def resume(self) -> None:
        """The client is expected to go on."""
        self._reckoning.resume(self._clock())
        self._set_alarm()

    def clear(self) -> tuple[Played, ...]:
        """Forget what is not over and say how much of it was heard."""
        return self._reckoning.clear(self._clock())

    def cut(self, item_id: str, played_ms: int) -> None:
        """The client says how much it played of an item."""
        self._reckoning.cut(item_id, played_ms, self._clock())
        self._set_alarm()

    def played(self, item_id: str) -> int:
        """Milliseconds of an item that were heard so far."""
        return self._reckoning.played(item_id, self._clock())

    def stop(self) -> None:
        """Say nothing any more."""
        self._alarm.stop()

    def _rung(self) -> None:
        self._reckoning.advance(self._clock())
        self._set_alarm()

    def _set_alarm(self) -> None:
        listening = self._clock() + TAP_S if self._tapped and self._reckoning.sounding else None
        self._alarm.set(earliest(self._reckoning.due, listening))
