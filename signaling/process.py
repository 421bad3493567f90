"""One process that serves: the only one of a server, or a worker. Opens the house, and closes it without cutting calls."""

from __future__ import annotations

import asyncio
import gc
from contextlib import AbstractAsyncContextManager, nullcontext

from aiohttp import web

from mediaserver.cluster.place import Place
from mediaserver.config import Config
from signaling.announce import announcement, say
from signaling.app import build
from signaling.door import DOOR, Door, House
from signaling.signals import Signals, stop_signals
from signaling.tls import Identity, identity
from signaling.worker import at_work


async def serve(config: Config, place: Place | None = None) -> int:
    """Serve until told to stop. Raises OSError when the door cannot be opened, ConfigError."""
    who = identity(config.server.tls)
    app = build(config, place)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    signals = stop_signals()
    try:
        await runner.setup()
        await _open_doors(runner, config, place, who)
        async with _known(config, place, runner, app[DOOR], who, signals):
            _settle()
            await signals.get()  # for as long as the server is wanted
            if place is None:
                say("Stopping: no new calls. Again to end the running ones now.")
            await drain(app[DOOR], signals)
    finally:
        await runner.cleanup()
    return 0


async def _open_doors(runner: web.AppRunner, config: Config, place: Place | None, who: Identity | None) -> None:
    """Listen; a worker on its private socket first, and on the same port as the others."""
    if place is not None:
        await web.UnixSite(runner, place.socket(place.number)).start()
    context = who.context if who else None
    shared = place is not None or None
    await web.TCPSite(runner, config.server.host, config.server.port, ssl_context=context, reuse_port=shared).start()


def _known(
    config: Config, place: Place | None, runner: web.AppRunner, door: Door, who: Identity | None, signals: Signals
) -> AbstractAsyncContextManager[None]:
    """Say that the server is ready: to people, or to whoever started this worker."""
    house = door.house
    assert house is not None  # noqa: S101 - it was opened with the application
    if place is not None:
        return at_work(house.sessions, house.port, place, signals)
    say(announcement(config, runner.addresses[0][1], (house.port.port,), house.port.addresses, who))
    return nullcontext()


def _settle() -> None:
    """Take what start-up made out of the garbage collector's sight: its pauses are shorter for the rest of the run."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


async def drain(door: Door, signals: Signals) -> None:
    """Refuse new calls and let the others end, until the configured time is over or a second signal comes."""
    door.accepting = False
    if door.house is None:
        return
    async with asyncio.TaskGroup() as tasks:
        draining = tasks.create_task(_emptied(door, door.house), name="drain")
        hurry = tasks.create_task(signals.get(), name="second signal")
        await asyncio.wait({draining, hurry}, return_when=asyncio.FIRST_COMPLETED)
        draining.cancel()
        hurry.cancel()


async def _emptied(door: Door, house: House) -> None:
    """Wait for the calls of this process, and for those of others whose WebSockets go through it."""
    seconds = door.config.server.drain_s
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(house.sessions.drain(seconds), name="drain of our calls")
        tasks.create_task(door.relay.drained(seconds), name="drain of others' WebSockets")
