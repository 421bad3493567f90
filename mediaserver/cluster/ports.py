"""Which ports are whose: one TCP port for all workers, one UDP port for each."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from mediaserver.errors import ConfigError

MAX_PORT = 65535


def media_port(first: int, number: int) -> int:
    """Return the UDP port of a worker: the configured one plus its number; 0, any free one, stays 0.

    Never one port for two: the kernel would spread the datagrams of one call over both.
    """
    return first + number if first else 0


def check(first: int, count: int) -> None:
    """Raise ConfigError when there are not enough ports from ``first`` on."""
    if media_port(first, count - 1) > MAX_PORT:
        raise ConfigError("media.port", f"{count} workers need as many ports from here on, up to {MAX_PORT}")


@contextmanager
def reserved(host: str, port: int) -> Iterator[int]:
    """Hold a TCP port for the workers without listening on it, and yield its number; 0 takes a free one.

    Raises OSError when somebody else has it, also another server of ours, which would share it without a word; and
    ConfigError where a port cannot be shared at all.
    """
    if not hasattr(socket, "SO_REUSEPORT"):
        raise ConfigError("server.workers", "this system cannot share a port among processes: use 1")
    with ExitStack() as stack:
        for family, _, _, _, address in socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            chosen = (address[0], port, *address[2:])
            _alone(family, chosen)
            port = stack.enter_context(_bound(family, chosen, socket.SO_REUSEPORT)).getsockname()[1]
        yield port


def _alone(family: socket.AddressFamily, address: tuple[object, ...]) -> None:
    _bound(family, address, socket.SO_REUSEADDR).close()


def _bound(family: socket.AddressFamily, address: tuple[object, ...], option: int) -> socket.socket:
    held = socket.socket(family, socket.SOCK_STREAM)
    try:
        if family == socket.AF_INET6:
            held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        held.setsockopt(socket.SOL_SOCKET, option, 1)
        held.bind(address)
    except OSError:
        held.close()
        raise
    return held
