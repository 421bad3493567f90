"""Server-sent events as chat servers write them: the name and data of each. Pure.

Source: WHATWG HTML, "Server-sent events".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mediaserver.errors import BridgeError

LONGEST = 1 << 20
"""Bytes of one event at most."""


class Event(NamedTuple):
    """One event; most servers give it no name."""

    data: str
    name: str = ""


class Events:
    """Takes bytes in any pieces, with LF or CRLF; comments and fields other than ``event`` and ``data`` are passed over."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._name = ""
        self._data: list[str] = []
        self._size = 0

    def feed(self, data: bytes) -> Iterator[Event]:
        """Give every event that is complete. Raises BridgeError for one beyond :data:`LONGEST`."""
        self._bytes += data
        if len(self._bytes) + self._size > LONGEST:
            raise BridgeError("the provider sent an event that is too long", code="protocol_error")
        while (end := self._bytes.find(b"\n")) >= 0:
            line = self._bytes[:end].rstrip(b"\r").decode(errors="replace")
            del self._bytes[: end + 1]
            yield from self._line(line)

    def finish(self) -> Iterator[Event]:
        """The stream ended, perhaps without its last empty line."""
        yield from self._line(self._bytes.decode(errors="replace").strip())
        yield from self._line("")

    def _line(self, line: str) -> Iterator[Event]:
        field, _, value = line.partition(":")
        if field == "data":
            self._data.append(value.removeprefix(" "))
            self._size += len(value)
        elif field == "event":
            self._name = value.strip()
        elif not line:
            if self._data:
                yield Event("\n".join(self._data), self._name)
            self._data.clear()
            self._name, self._size = "", 0


class EventData:
    """The data alone, for servers whose events need no names."""

    def __init__(self) -> None:
        self._events = Events()

    def feed(self, data: bytes) -> Iterator[str]:
        """Give the data of every event that is complete. Raises BridgeError for one beyond :data:`LONGEST`."""
        yield from (event.data for event in self._events.feed(data))

    def finish(self) -> Iterator[str]:
        """The stream ended, perhaps without its last empty line."""
        yield from (event.data for event in self._events.finish())
