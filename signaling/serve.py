"""``mediaserver serve``: the arguments, and which process this is: the only one, the one that owns workers, or a worker."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from mediaserver.cluster.cores import workers
from mediaserver.cluster.place import read as read_place
from mediaserver.config import Config
from mediaserver.configfile import parse, read
from mediaserver.errors import ConfigError
from mediaserver.telemetry import logs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what can be chosen without a file."""
    parser.add_argument("--config", metavar="FILE", help="configuration in YAML; without it everything has its default")
    parser.add_argument("--host", help="address to listen on (127.0.0.1; 0.0.0.0 for all)")
    parser.add_argument("--port", type=int, help="TCP port (8080)")
    parser.add_argument("--tls", choices=("off", "self-signed"), help="https with a certificate made at start")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)  # for the eyes of who lists processes


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop; returns the exit code: 0, 1 when the door cannot be opened, 2 for a configuration."""
    try:
        return _work(args) if args.worker is not None else _start(args)
    except ConfigError as problem:
        return _fail(f"the configuration cannot be used: {problem}", 2)
    except OSError as problem:
        return _fail(f"the door cannot be opened: {problem.strerror or problem}", 1)


def _start(args: argparse.Namespace) -> int:
    text = read(args.config)
    config = _with_arguments(parse(text), args)
    count = workers(config.server.workers)
    if count > 1:
        from signaling.supervise import supervise  # which does without the rest of the server

        return _run(config, lambda: supervise(config, text, count, _again(args)))
    from signaling.process import serve

    return _run(config, lambda: serve(config))


def _work(args: argparse.Namespace) -> int:
    from signaling.process import serve
    from signaling.worker import adapted

    place = read_place(sys.stdin.buffer.readline())
    config = adapted(_with_arguments(parse(place.config), args), place)
    return _run(config, lambda: serve(config, place), place.number)


def _run(config: Config, main: Callable[[], Coroutine[Any, Any, int]], worker: int | None = None) -> int:
    with (
        logs.written(config.logs.level, config.logs.format, worker=worker),
        asyncio.Runner(loop_factory=_loop_factory()) as runner,
    ):
        return runner.run(main())


def _with_arguments(config: Config, args: argparse.Namespace) -> Config:
    given: dict[str, Any] = {"host": args.host, "port": args.port}
    if args.tls is not None:
        given["tls"] = msgspec.structs.replace(config.server.tls, mode=args.tls)
    changes = {name: value for name, value in given.items() if value is not None}
    if not 0 <= changes.get("port", 0) <= 65535:
        raise ConfigError("server.port", "is no port")
    return msgspec.structs.replace(config, server=msgspec.structs.replace(config.server, **changes))


def _again(args: argparse.Namespace) -> list[str]:
    """Return the arguments for a worker: those that change its configuration, which itself it gets from us."""
    given = {"--host": args.host, "--tls": args.tls}
    return [word for name, value in given.items() if value is not None for word in (name, value)]


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's loop where there is one: it halves the cost of a datagram."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _fail(text: str, code: int) -> int:
    sys.stderr.write(f"mediaserver: {text}\n")
    return code
