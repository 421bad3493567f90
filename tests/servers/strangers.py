"""What strangers may send to an open UDP port: seeded nonsense of every kind of RFC 7983, and damaged copies."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator, Sequence

KINDS = ((0, 3), (16, 19), (20, 63), (64, 79), (128, 191), (192, 255))
"""First bytes: STUN, ZRTP, DTLS, TURN channel, RTP and RTCP, nothing."""
LONGEST = 1500


def datagrams(seed: int, genuine: Sequence[bytes] = ()) -> Iterator[bytes]:
    """Yield without end: empty and tiny ones, random ones of each kind, and ``genuine`` ones cut short or altered."""
    chance = random.Random(seed)
    makers = [_tiny, _random, _random, *([lambda c: _damaged(c, genuine)] * 2 if genuine else [])]
    while True:
        yield chance.choice(makers)(chance)


def _tiny(chance: random.Random) -> bytes:
    return chance.randbytes(chance.randrange(4))


def _random(chance: random.Random) -> bytes:
    first = chance.randint(*chance.choice(KINDS))
    return bytes([first]) + chance.randbytes(chance.randrange(LONGEST))


def _damaged(chance: random.Random, genuine: Sequence[bytes]) -> bytes:
    copy = bytearray(chance.choice(genuine))
    for _ in range(chance.randrange(1, 4)):
        copy[chance.randrange(len(copy))] = chance.randrange(256)
    return bytes(copy[: chance.randrange(1, len(copy) + 1)])


class Stranger:
    """A third socket that sends to the port; neither of the two who talk."""

    def __init__(self, target: tuple[str, int], seed: int, genuine: Sequence[bytes] = ()) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._target = target
        self._datagrams = datagrams(seed, genuine)
        self.sent = 0

    def __enter__(self) -> Stranger:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, count: int) -> None:
        """Send so many; what the system has no room for is not counted."""
        for _ in range(count):
            try:
                self._socket.sendto(next(self._datagrams), self._target)
                self.sent += 1
            except (BlockingIOError, ConnectionRefusedError):
                continue
