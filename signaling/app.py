"""The composition root: makes every object once and hands it to who needs it. The only file that imports all packages."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web

import web as pages
from bridges import open_bridge, open_speaker
from bridges.engines import Shelf, read_line
from bridges.tools.box import open_tools
from mediaserver.audio.decoders import warm_decoders
from mediaserver.audio.detectors import detector
from mediaserver.audio.judge import Judge, Model
from mediaserver.audio.opus import OpusSettings
from mediaserver.audio.recorder import Recorder
from mediaserver.audio.smartturn import find_end_model
from mediaserver.audio.ticker import Ticker
from mediaserver.audio.vad import MakeVoice
from mediaserver.bridge import BridgeFactory
from mediaserver.cache.opening import Cached, open_cached
from mediaserver.clock import monotonic
from mediaserver.cluster.names import Names, owner
from mediaserver.cluster.place import Place
from mediaserver.config import Config
from mediaserver.conversation.limits import Limits
from mediaserver.conversation.quieting import Quiet, quiet
from mediaserver.conversation.session import Session
from mediaserver.conversation.sessions import Sessions
from mediaserver.events import SessionEnded
from mediaserver.gateway.keys import KeyRing
from mediaserver.gateway.secrets import Secrets
from mediaserver.rtc.port import MediaPort, MediaSettings
from mediaserver.speech import FileToText, TextToSpeech
from mediaserver.telemetry.lag import LoopLag
from signaling.audio.batch import items
from signaling.audio.batch.shelf import Shelf as BatchShelf
from signaling.audio.batch.works import Works
from signaling.audio.links import AudioLinks
from signaling.audio.studio import Studio
from signaling.door import DOOR, Door, House
from signaling.forward import Neighbours
from signaling.middleware import add_headers, errors, preflight
from signaling.realtime.call_control import keep
from signaling.rehearsal import rehearsed
from signaling.routes import ROUTES
from signaling.tidy import Tidy
from signaling.visits import Visits
from signaling.ways import open_ways, phrases_of

log = logging.getLogger(__name__)

OpenBridge = Callable[[str, Mapping[str, Any], str], AbstractAsyncContextManager[BridgeFactory]]
"""Opens a provider: its name, its options, and the key's path for errors."""


def build(config: Config, place: Place | None = None, *, providers: OpenBridge | None = None) -> web.Application:
    """Return the application; what it needs is opened when it starts and closed, in reverse, when it stops.

    ``place``: which worker this is, where there are several. Raises ConfigError at once for a model that cannot be.
    """
    shelf = Shelf()
    providers = providers or partial(open_bridge, shelf=shelf)
    opening = {
        name: providers(model.bridge, model.options(), f"models.{name}") for name, model in config.models.items()
    }
    studio = Studio(config.audio, partial(_open_files, shelf), partial(_open_voice, shelf))
    app = web.Application(middlewares=[errors, preflight], client_max_size=config.server.max_body)
    app[DOOR] = door = _door(config, Names(None if place is None else place.number))
    app.add_routes(ROUTES)
    app.on_response_prepare.append(add_headers)
    if place is not None:
        neighbours = Neighbours(place, door.relay)
        app.middlewares.append(neighbours.answer)
        app.cleanup_ctx.append(lambda _: _opened(neighbours))
    app.cleanup_ctx.append(
        partial(
            _open_house,
            shelf=shelf,
            opening=opening,
            make_voice=detector(config.turns),
            end_model=find_end_model(config.turns),
            recorder=_recorder(config),
            studio=studio,
            quiet=quiet(config.noise),
        )
    )
    app.on_shutdown.append(_end_calls)
    return app


def _door(config: Config, names: Names) -> Door:
    keys = KeyRing(config.keys, development=config.development_key.enabled)
    secrets, visits = Secrets(mark=names.mark), Visits(mark=names.mark)
    return Door(config, keys, Path(pages.__path__[0]), secrets=secrets, visits=visits, names=names)


def _recorder(config: Config) -> Recorder | None:
    how = config.recording
    return Recorder(Path(how.folder), how.format) if how.folder else None


async def _opened(neighbours: Neighbours) -> AsyncIterator[None]:
    async with neighbours.opened():
        yield


async def _open_house(
    app: web.Application,
    shelf: Shelf,
    opening: Mapping[str, AbstractAsyncContextManager[BridgeFactory]],
    make_voice: MakeVoice,
    end_model: Model | None,
    recorder: Recorder | None,
    quiet: Quiet | None,
    studio: Studio,
) -> AsyncIterator[None]:
    door = app[DOOR]
    async with shelf, AsyncExitStack() as stack:
        makers = {name: await stack.enter_async_context(bridge) for name, bridge in opening.items()}
        cached = await stack.enter_async_context(open_cached(door.config.cache))
        tools = await stack.enter_async_context(open_tools(door.config.tools, door.config.mcp_servers))
        phrases = await stack.enter_async_context(
            rehearsed(phrases_of(door.config), partial(open_speaker, shelf), OpusSettings(door.config.opus.bitrate))
        )
        if recorder is not None:
            await stack.enter_async_context(recorder)
        ways = open_ways(door.config, makers, tools, phrases, None if recorder is None else recorder.begin, quiet)
        await stack.enter_async_context(warm_decoders(begin=False))
        await stack.enter_async_context(studio.opened(cached))
        if (works := _works(door, studio)) is not None:
            await stack.enter_async_context(works.opened())
        ticker = await stack.enter_async_context(_Ticking())
        port = await stack.enter_async_context(MediaPort.open(media_settings(door.config), ticker))
        judge = None if end_model is None else await stack.enter_async_context(Judge(end_model))
        sessions = await stack.enter_async_context(_sessions(door, make_voice, judge))
        stack.enter_context((lag := LoopLag()).looking())
        door.house = House(
            port, sessions, ways, lag, recorder, cached, _links(door, cached), studio=studio, works=works
        )
        door.accepting = True
        try:
            yield
        finally:
            door.accepting = False
            door.house = None


def _links(door: Door, cached: Cached) -> AudioLinks:
    server, several = door.config.server, door.names.worker is not None
    return AudioLinks(door.config.audio_links, cached.tiers, base=server.public_url, workers=several)


async def _end_calls(app: web.Application) -> None:
    """End what still runs before aiohttp waits for its handlers: those of WebSockets last as long as their calls."""
    door = app[DOOR]
    door.accepting = False
    door.relay.end()
    for session in [] if door.house is None else door.house.sessions.list():
        session.end("server_shutdown")


def _works(door: Door, studio: Studio) -> Works | None:
    how, worker = door.config.audio.batch, door.names.worker
    if not how.folder:
        return None
    return Works(how, BatchShelf(Path(how.folder), lambda name: owner(name) == worker), partial(items.do, studio))


def _open_files(shelf: Shelf, settings: Mapping[str, Any], path: str) -> AbstractAsyncContextManager[FileToText]:
    read_line("stt", settings, path)
    return _engine(shelf, "stt", settings, path)


def _open_voice(shelf: Shelf, settings: Mapping[str, Any], path: str) -> AbstractAsyncContextManager[TextToSpeech]:
    read_line("tts", settings, path)
    return _engine(shelf, "tts", settings, path)


@asynccontextmanager
async def _engine(shelf: Shelf, kind: str, settings: Mapping[str, Any], path: str) -> AsyncIterator[Any]:
    """Take an engine that a model has open already; else have one of our own, which whoever opened it closes."""
    async with nullcontext(shelf) if shelf.has(kind, settings) else Shelf() as engines:
        yield await engines.take(kind, settings, path)


def _sessions(door: Door, make_voice: MakeVoice, judge: Judge | None) -> Sessions:
    most, bounds = door.config.sessions.max, limits(door.config)
    return Sessions(most, bounds, on_end=partial(_ended, door, Tidy()), make_voice=make_voice, judge=judge)


def _ended(door: Door, tidy: Tidy, session: Session, ended: SessionEnded) -> None:
    call = door.calls.get(session)
    if call is not None and call.remembered is not None:
        door.memory.remember(call.remembered, session.conversation.snapshot(), monotonic())
    keep(door, session)
    tidy.soon(door.calls)
    facts = {"call_id": session.caller.id, "reason": ended.reason, "detail": ended.detail}
    log.info("a call ended", extra=facts | {"usage": session.record.usage()[-8:]})


class _Ticking:
    """The worker's 20 ms clock, turning while the context is open."""

    def __init__(self) -> None:
        self._ticker = Ticker()
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> Ticker:
        """Start the clock."""
        await self._tasks.__aenter__()
        self._turning = self._tasks.create_task(self._ticker.run(), name="ticker")
        return self._ticker

    async def __aexit__(self, *error: Any) -> None:
        """Stop it. What went wrong elsewhere goes on as it is, not wrapped by this group."""
        self._turning.cancel()
        await self._tasks.__aexit__(None, None, None)


def media_settings(config: Config) -> MediaSettings:
    """Return the media port's settings."""
    media, opus = config.media, config.opus
    return MediaSettings(
        port=media.port,
        addresses=media.addresses,
        loopback=media.loopback,
        setup_timeout_s=media.setup_timeout_s,
        silence_notice_s=media.silence_notice_s,
        silence_end_s=media.silence_end_s,
        resume_s=media.resume_s,
        max_calls=media.max_calls,
        max_pending=media.max_pending,
        bitrate=opus.bitrate,
        complexity=opus.complexity,
        dtx=opus.dtx,
        red=media.red,
    )


def limits(config: Config) -> Limits:
    """Return the bounds of one session."""
    sessions = config.sessions
    return Limits(sessions.max_duration_s, sessions.idle_s, sessions.connect_s, sessions.max_items)
