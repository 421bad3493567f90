"""The OpenAI Realtime contract (GA) as a pure codec: text in, commands out; events in, text out. No I/O, no clock."""

from __future__ import annotations

import msgspec

from mediaserver.commands import Command, CreateItem, UpdateSession
from mediaserver.events import Event, SessionUpdated
from signaling.realtime.effective import Effective
from signaling.realtime.reader import Reader, Refused
from signaling.realtime.writer import Writer

__all__ = ["RealtimeCodec", "Refused"]


class RealtimeCodec:
    """One client's side of the contract. Reads with :class:`Reader`, writes with :class:`Writer`.

    The two keep their own picture of the session: the reader what the client asked for last, the writer what is in force.
    They are made equal whenever no update is on its way.
    """

    def __init__(self, effective: Effective) -> None:
        self._reader = Reader(effective)
        self._writer = Writer(effective)
        self._updating = 0

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
            self._updating += 1
            self._writer.effective = self._reader.effective
        elif isinstance(command, CreateItem):
            self._writer.client_items.add(command.item.id)
        return command

    def write(self, event: Event) -> list[str]:
        """Return the server events that tell of ``event``, in order, as JSON text."""
        said = self._writer.write(event)
        if isinstance(event, SessionUpdated):
            self._updating = max(0, self._updating - 1)
        if not self._updating:
            self._reader.effective = self._writer.effective
        return [msgspec.json.encode(message).decode() for message in said]
