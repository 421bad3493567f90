"""Server-sent events as chat servers write them: the data of each event. Pure. Source: WHATWG HTML, "Server-sent events"."""

from __future__ import annotations

from collections.abc import Iterator

from mediaserver.errors import BridgeError

LONGEST = 1 << 20
"""Bytes of one event at most."""


class EventData:
    """Takes bytes in any pieces, with LF or CRLF; comments and fields other than ``data`` are passed over."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._data: list[str] = []

    def feed(self, data: bytes) -> Iterator[str]:
        """Give the data of every event that is complete. Raises BridgeError for one beyond :data:`LONGEST`."""
        self._bytes += data
        if len(self._bytes) > LONGEST:
            raise BridgeError("the language model sent an event that is too long", code="protocol_error")
        while (end := self._bytes.find(b"\n")) >= 0:
            line = self._bytes[:end].rstrip(b"\r").decode(errors="replace")
            del self._bytes[: end + 1]
            yield from self._line(line)

    def finish(self) -> Iterator[str]:
        """The stream ended, perhaps without its last empty line."""
        yield from self._line(self._bytes.decode(errors="replace").strip())
        yield from self._line("")

    def _line(self, line: str) -> Iterator[str]:
        if line.startswith("data:"):
            self._data.append(line[5:].removeprefix(" "))
        elif not line and self._data:
            yield "\n".join(self._data)
            self._data.clear()
