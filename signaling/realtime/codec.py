"""The OpenAI Realtime contract (GA) as a pure codec: text in, commands out; events in, text out. No I/O, no clock."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import msgspec

from mediaserver.commands import Command, CreateItem, UpdateSession
from mediaserver.events import Event, Problem, SessionUpdated
from signaling.realtime.effective import Effective
from signaling.realtime.reader import Reader, Refused
from signaling.realtime.writer import Writer

__all__ = ["RealtimeCodec", "Refused"]

MAX_UPDATES = 64
"""Updates on their way at once; a client that sends more sees its oldest taken for answered."""


class RealtimeCodec:
    """One client's side of the contract. Reads with :class:`Reader`, writes with :class:`Writer`.

    The two keep their own picture of the session: the reader what the client asked for last, the writer what is in force.
    They are made equal whenever no update is on its way; one that was refused is forgotten by both.
    """

    def __init__(self, effective: Effective) -> None:
        self._reader = Reader(effective)
        self._writer = Writer(effective)
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
        return [msgspec.json.encode(message).decode() for message in said]
