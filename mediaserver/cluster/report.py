"""What a worker says of itself: a line of JSON on its standard output, when it is ready and when its calls change."""

from __future__ import annotations

import msgspec
from msgspec import Struct

MAX_LINE = 16 * 1024


class Report(Struct, frozen=True):
    """How many calls it has, and its media port with the addresses that callers are told."""

    calls: int
    media_port: int
    addresses: tuple[str, ...] = ()

    def written(self) -> bytes:
        """Return the line."""
        return msgspec.json.encode(self) + b"\n"


def read(line: bytes) -> Report | None:
    """Return the report, ``None`` for a line that is none: libraries print too."""
    try:
        return msgspec.json.decode(line, type=Report)
    except msgspec.DecodeError:
        return None
