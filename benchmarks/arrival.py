"""When a datagram reached this machine, by the stamp of the kernel: a caller that reads late makes no server late."""

from __future__ import annotations

import socket
import struct
import sys
import time

STAMPED = sys.platform == "linux"
_SO_TIMESTAMPNS = 35  # asm-generic/socket.h; the name is not in the socket module
_ROOM = socket.CMSG_SPACE(16)
_RENEWED_S = 1.0
_TRIES = 5


class Clock:
    """Turns the kernel's stamps (wall clock) into seconds of ``perf_counter``."""

    def __init__(self) -> None:
        self._offset = 0.0
        self._measured = float("-inf")

    def seconds(self, stamp: bytes, now: float) -> float:
        """Return when it came; never after ``now``, for it has been read."""
        if now - self._measured > _RENEWED_S:
            self._measured, self._offset = now, min(self._difference() for _ in range(_TRIES))
        seconds, nanoseconds = struct.unpack("@ll", stamp)
        return min(now, seconds + nanoseconds * 1e-9 + self._offset)

    @staticmethod
    def _difference() -> float:
        """Return perf_counter minus wall clock; what comes between the two readings makes it larger, never smaller."""
        wall = time.time()
        return time.perf_counter() - wall


_clock = Clock()


def stamp(sock: socket.socket) -> None:
    """Have the kernel stamp what arrives here, where it can."""
    if STAMPED:
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


def receive(sock: socket.socket, now: float) -> tuple[bytes, tuple[str, int], float]:
    """Return a datagram, who sent it and when it came (``now`` where there is no stamp). Raises as ``recvmsg`` does."""
    data, notes, _, source = sock.recvmsg(2048, _ROOM)
    for _, kind, value in notes:
        if kind == _SO_TIMESTAMPNS and len(value) == 16:
            return data, source, _clock.seconds(value, now)
    return data, source, now
