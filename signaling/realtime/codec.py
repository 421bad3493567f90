"""The OpenAI Realtime contract (GA) as a pure codec: text in, commands out; events in, text out. No I/O, no clock."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import msgspec

from mediaserver.commands import Command, CreateItem, TruncateItem, UpdateSession
from mediaserver.events import Event, Problem, SessionUpdated
from signaling.realtime.effective import Effective
from signaling.realtime.reader import Append, Reader, Refused, Terms
from signaling.realtime.writer import Message, Writer

__all__ = ["Append", "RealtimeCodec", "Refused", "Terms"]

MAX_UPDATES = 64
"""Updates on their way at once; a client that sends more sees its oldest taken for answered."""


class RealtimeCodec:
    """One client's side of the contract. Reads with :class:`Reader`, writes with :class:`Writer`.

    The two keep their own picture of the session: the reader what the client asked for last, the writer what is in force.
    They are made equal whenever no update is on its way; one that was refused is forgotten by both. ``track``: the call's
    sound is on a media track (WebRTC); without one it is in the events.
    """

    def __init__(self, effective: Effective, terms: Terms | None = None, *, track: bool = True) -> None:
        self._reader = Reader(effective, terms)
        self._writer = Writer(effective, track=track)
        self._asked: deque[tuple[str | None, Effective]] = deque(maxlen=MAX_UPDATES)

    @property
    def session_id(self) -> str:
        """``sess_…``, empty before the session is open."""
        return self._writer.session_id

    @property
    def effective(self) -> Effective:
        """What is in force."""
        return self._writer.effective

    def read(self, text: str | bytes) -> Command:
        """Return the command of one client event. Raises Refused."""
        command = self._reader.read(text)
        if isinstance(command, UpdateSession):
            now = self._writer.effective
            self._asked.append((command.event_id, now))
            self._writer.effective = replace(self._reader.effective, settings=now.settings)
        elif isinstance(command, CreateItem):
            self._writer.client_items.add(command.item.id)
        elif isinstance(command, TruncateItem):
            self._writer.truncations.append(command.item_id)
        return command

    def write(self, event: Event) -> list[str]:
        """Return the server events that tell of ``event``, in order, as JSON text."""
        said = self._writer.write(event)
        if self._asked and isinstance(event, SessionUpdated):
            self._asked.popleft()
        elif self._asked and isinstance(event, Problem) and event.client_event_id == self._asked[0][0]:
            _, before = self._asked.popleft()
            self._writer.effective = replace(before, settings=self._writer.effective.settings)
        if not self._asked:
            self._reader.effective = self._writer.effective
        return _texts(said)

    def sound(self, item_id: str, delta: str) -> list[str]:
        """Return the server events that carry a piece of an item's sound (base64)."""
        return _texts(self._writer.sound(item_id, delta))

    def sound_over(self, item_id: str) -> list[str]:
        """Return what is left to say of an item without a response when no more of its sound comes."""
        return _texts(self._writer.sound_over(item_id))


def _texts(messages: list[Message]) -> list[str]:
    return [msgspec.json.encode(message).decode() for message in messages]
