"""What the server and a worker process say to each other: msgpack structs, each behind its length in four bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct, msgpack

LONGEST = 1 << 22
"""Bytes in one message at most; a longer one means that the stream is broken."""
HEADER = 4


class Begin(Struct, tag="begin", frozen=True):
    """Start a job; ``told`` is for the engine."""

    job: int
    told: dict[str, Any]


class Feed(Struct, tag="feed", frozen=True):
    """More sound for the job."""

    job: int
    data: bytes


class End(Struct, tag="end", frozen=True):
    """The job has all it needs: finish it."""

    job: int


class Drop(Struct, tag="drop", frozen=True):
    """Nobody wants the job any more; answered by Finished unless that, or Failed, was on its way already."""

    job: int


class Ready(Struct, tag="ready", frozen=True):
    """The engine is loaded; ``facts`` is what it says of itself."""

    facts: dict[str, Any]


class Missing(Struct, tag="missing", frozen=True):
    """The engine cannot be loaded on this machine; the worker ends."""

    message: str


class Piece(Struct, tag="piece", frozen=True):
    """A result on the way: a hypothesis, some sound."""

    job: int
    body: Any


class Finished(Struct, tag="finished", frozen=True):
    """The job is over; ``body`` is its result."""

    job: int
    body: Any = None


class Failed(Struct, tag="failed", frozen=True):
    """The job failed; the worker is good for the next."""

    job: int
    message: str


Request = Begin | Feed | End | Drop
Reply = Ready | Missing | Piece | Finished | Failed

_requests = msgpack.Decoder(Request)
_replies = msgpack.Decoder(Reply)


def pack(message: Request | Reply) -> bytes:
    """Return the message with its length before it."""
    body = msgpack.encode(message)
    return len(body).to_bytes(HEADER, "big") + body


def read_reply(body: bytes) -> Reply:
    """Read one message of a worker, without its length. Raises msgspec.DecodeError."""
    reply: Reply = _replies.decode(body)
    return reply


class Requests:
    """Finds messages in the bytes a worker reads."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> Iterator[Request]:
        """Take bytes and give every message that is complete."""
        self._bytes += data
        while len(self._bytes) >= HEADER:
            end = HEADER + int.from_bytes(self._bytes[:HEADER], "big")
            if len(self._bytes) < end:
                return
            body = bytes(self._bytes[HEADER:end])
            del self._bytes[:end]
            yield _requests.decode(body)
