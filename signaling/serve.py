"""``mediaserver serve``: open the house, say where, and close it without cutting calls."""

from __future__ import annotations

import argparse
import asyncio
import gc
import signal
import sys
from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web

from mediaserver.config import Config, load
from mediaserver.errors import ConfigError
from mediaserver.gateway.keys import DEVELOPMENT_KEY
from mediaserver.telemetry import logs
from signaling.app import build
from signaling.door import DOOR, Door
from signaling.tls import Identity, identity

Signals = asyncio.Queue[int]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what can be chosen without a file."""
    parser.add_argument("--config", metavar="FILE", help="configuration in YAML; without it everything has its default")
    parser.add_argument("--host", help="address to listen on (127.0.0.1; 0.0.0.0 for all)")
    parser.add_argument("--port", type=int, help="TCP port (8080)")
    parser.add_argument("--tls", choices=("off", "self-signed"), help="https with a certificate made at start")


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop; returns the exit code: 0, 1 when the door cannot be opened, 2 for a configuration."""
    try:
        config = _with_arguments(load(args.config), args)
        with (
            logs.written(config.logs.level, config.logs.format),
            asyncio.Runner(loop_factory=_loop_factory()) as runner,
        ):
            return runner.run(_serve(config))
    except ConfigError as problem:
        return _fail(f"the configuration cannot be used: {problem}", 2)
    except OSError as problem:
        return _fail(f"the door cannot be opened: {problem.strerror or problem}", 1)


def _with_arguments(config: Config, args: argparse.Namespace) -> Config:
    given: dict[str, Any] = {"host": args.host, "port": args.port}
    if args.tls is not None:
        given["tls"] = msgspec.structs.replace(config.server.tls, mode=args.tls)
    changes = {name: value for name, value in given.items() if value is not None}
    if not 0 <= changes.get("port", 0) <= 65535:
        raise ConfigError("server.port", "is no port")
    return msgspec.structs.replace(config, server=msgspec.structs.replace(config.server, **changes))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's loop where there is one: it halves the cost of a datagram."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _serve(config: Config) -> int:
    who = identity(config.server.tls)
    app = build(config)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    signals: Signals = asyncio.Queue(maxsize=8)
    _take_signals(signals)
    try:
        await runner.setup()
        site = web.TCPSite(runner, config.server.host, config.server.port, ssl_context=who.context if who else None)
        await site.start()
        _announce(config, runner, app[DOOR], who)
        _settle()
        await signals.get()  # for as long as the server is wanted
        await _drain(app[DOOR], signals)
    finally:
        await runner.cleanup()
    return 0


def _take_signals(signals: Signals) -> None:
    def take(number: int) -> None:
        if not signals.full():
            signals.put_nowait(number)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, take, number)


def _settle() -> None:
    """Take what start-up made out of the garbage collector's sight: its pauses are shorter for the rest of the run."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


async def _drain(door: Door, signals: Signals) -> None:
    """Refuse new calls and let the others end, until the configured time is over or a second signal comes."""
    door.accepting = False
    if door.house is None:
        return
    _say("Stopping: no new calls. Again to end the running ones now.")
    async with asyncio.TaskGroup() as tasks:
        draining = tasks.create_task(door.house.sessions.drain(door.config.server.drain_s), name="drain")
        hurry = tasks.create_task(signals.get(), name="second signal")
        await asyncio.wait({draining, hurry}, return_when=asyncio.FIRST_COMPLETED)
        draining.cancel()
        hurry.cancel()


def _announce(config: Config, runner: web.AppRunner, door: Door, who: Identity | None) -> None:
    """Say where to go, with which key, and how to stop."""
    port = runner.addresses[0][1]
    host = config.server.host
    shown = "localhost" if host in ("127.0.0.1", "::1", "0.0.0.0", "::", "") else host  # noqa: S104 - compared, not bound
    scheme = "https" if who else "http"
    lines = [f"Open    {config.server.public_url or f'{scheme}://{shown}:{port}'}"]
    if config.development_key.enabled:
        lines.append(f"Key     {DEVELOPMENT_KEY}  (development key, accepted from this machine only)")
    if config.keys:
        lines.append(f"Keys    {', '.join(key.name for key in config.keys)}")
    lines.append(f"Models  {', '.join(config.models)}  (default {config.default_model})")
    if door.house is not None:
        lines.append(f"Media   UDP port {door.house.port.port} on {', '.join(door.house.port.addresses)}")
    if who:
        lines.append(f"TLS     SHA-256 fingerprint {who.fingerprint}")
    lines.append("Stop    Ctrl-C")
    _say("\n".join(("", "The voice server is ready.", *(f"  {line}" for line in lines), "")))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _fail(text: str, code: int) -> int:
    sys.stderr.write(f"mediaserver: {text}\n")
    return code
