"""What a worker is told when it starts: one line of JSON on its standard input, which then stays open.

Never on the command line, which everybody on the machine can read. The end of the input means that whoever started the
worker is gone.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from mediaserver.errors import ConfigError


class Place(Struct, frozen=True):
    """Which of the workers this is (from 0), of how many, and what they share.

    ``directory`` holds their private sockets, ``port`` is the TCP port of all, ``config`` the configuration as it was read
    when the server started, ``None`` for the defaults.
    """

    number: int
    count: int
    directory: str
    port: int
    config: bytes | None = None

    def socket(self, number: int) -> str:
        """Return the path of a worker's private socket."""
        return str(Path(self.directory, f"worker-{number}.sock"))

    @property
    def others(self) -> tuple[int, ...]:
        """The numbers of the other workers, the next one first."""
        return tuple((self.number + step) % self.count for step in range(1, self.count))

    def written(self) -> bytes:
        """Return the line."""
        return msgspec.json.encode(self) + b"\n"


def read(line: bytes) -> Place:
    """Return the place of a worker. Raises ConfigError: a worker is started by the server, not by hand."""
    try:
        return msgspec.json.decode(line, type=Place)
    except msgspec.DecodeError:
        raise ConfigError("", "a worker is started by the server, which tells it its place") from None
