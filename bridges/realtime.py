"""A provider's realtime session as a bridge: a pure codec, one link, and the little waiting between them."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from bridges.codec import Codec, Garbled, Message
from bridges.link import Link, Target, open_link
from mediaserver.audio.lull import Lull
from mediaserver.bridge import Capabilities, Emit, Opening
from mediaserver.clock import Clock, monotonic
from mediaserver.commands import Command
from mediaserver.errors import BridgeError
from mediaserver.events import Alive, Awaited, Event

logger = logging.getLogger(__name__)

MAX_GARBLED = 3
TICK_S = 0.05
PING_S = 0.5
"""A provider that has said nothing for so long is asked for a sign of life, and again after as long."""

Dial = Callable[[Opening], Awaitable[Target]]
"""Says where to connect; may ask the provider over HTTP first. Raises BridgeError."""


def always(target: Target) -> Dial:
    """Return what connects every call to the same address."""

    async def where(_opening: Opening) -> Target:
        return target

    return where


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a provider may take, in seconds: to say where (``dial_s``), to connect, and to take the configuration."""

    dial_s: float = 5.0
    connect_s: float = 2.0
    ready_s: float = 5.0


class Watch(Protocol):
    """Sees every message on the wire, e.g. to record it; ``sent`` from our side."""

    def __call__(self, message: Message, *, sent: bool) -> None:
        """Take one message."""
        ...


class RealtimeBridge:
    """Satisfies :class:`mediaserver.bridge.Bridge`: one session with one provider.

    What a command or a frame becomes is written to the socket in the same call; what a message tells is emitted in the
    callback of the socket that brought it.
    """

    def __init__(
        self,
        codec: Codec,
        dial: Dial,
        *,
        patience: Patience | None = None,
        tls: ssl.SSLContext | None = None,
        clock: Clock = monotonic,
        watch: Watch | None = None,
    ) -> None:
        self._codec = codec
        self._dial = dial
        self._patience = patience or Patience()
        self._tls = tls
        self._clock = clock
        self._watch = watch
        self._link: Link | None = None
        self._emit: Emit | None = None
        self._ready: asyncio.Event | None = None
        self._garbled = 0
        can = codec.capabilities
        self._lull = Lull() if not can.live_output and can.input_codec == "pcm" else None
        self._heard_at = self._sent_at = self._told_at = self._pinged_at = 0.0

    @property
    def capabilities(self) -> Capabilities:
        """What the provider can do."""
        return self._codec.capabilities

    async def run(self, opening: Opening, emit: Emit, ready: Callable[[], None]) -> None:
        """Serve until cancelled or until the provider ends. Raises BridgeError."""
        target = await self._where(opening)
        async with open_link(target, timeout=self._patience.connect_s, tls=self._tls) as link:
            self._link, self._emit, self._ready = link, emit, asyncio.Event()
            self._heard_at = self._sent_at = self._clock()
            try:
                self._say(self._codec.open(opening))
                link.listen(self._received, self._lives)
                await self._serve(link, ready)
            finally:
                with suppress(BridgeError):
                    self._say(self._codec.goodbye())
                self._tell(self._codec.settle())
                self._link = self._emit = None

    def hear(self, pcm: bytes) -> None:
        """Write one frame of the caller to the socket; in a long silence several at once."""
        if self._link is None:
            return
        due = pcm if self._lull is None else self._lull.feed(pcm)
        for message in self._codec.hear(due) if due else ():
            self._write(self._link, message, sound=True)

    def send(self, command: Command) -> None:
        """Write what a command becomes to the socket, after the sound before it. Raises Unsupported."""
        if self._link is None:
            return
        if self._lull is not None and (gathered := self._lull.take()):
            self._say(self._codec.hear(gathered))
        self._say(self._codec.encode(command))

    # --- inside -------------------------------------------------------------------------------------------------------

    async def _where(self, opening: Opening) -> Target:
        try:
            async with asyncio.timeout(self._patience.dial_s):
                return await self._dial(opening)
        except TimeoutError:
            raise BridgeError("the provider did not answer in time", code="timeout") from None

    async def _serve(self, link: Link, ready: Callable[[], None]) -> None:
        assert self._ready is not None  # noqa: S101 - set by run
        async with asyncio.TaskGroup() as tasks:
            closed = tasks.create_task(_unless_it_fails(link.wait_closed()))
            starting = tasks.create_task(self._ready.wait())
            done, _ = await asyncio.wait(
                (closed, starting), timeout=self._patience.ready_s, return_when=asyncio.FIRST_COMPLETED
            )
            starting.cancel()
            if starting in done and closed not in done:
                ready()
                await self._tend(closed)
            if not closed.done():
                closed.cancel()
        if closed.cancelled():
            raise BridgeError("the provider did not take the configuration in time", code="timeout")
        self._ended(closed.result())
        if not self._codec.ready:
            raise BridgeError("the provider closed before it was ready", code="unavailable")

    async def _tend(self, closed: asyncio.Task[tuple[int, str] | Exception]) -> None:
        """Wait for the end, and look at the time meanwhile where the protocol wants that."""
        quiet_s, idle_s = self._codec.quiet_s, self._codec.idle_s
        patrol = TICK_S if quiet_s is not None else PING_S
        while not closed.done():
            await asyncio.wait((closed,), timeout=patrol)
            now = self._clock()
            if now - self._told_at >= PING_S and now - self._pinged_at >= PING_S:
                self._ping(now)
            if quiet_s is not None and now - self._heard_at >= quiet_s:
                self._tell(self._codec.quiet())
            if idle_s is not None and now - self._sent_at >= idle_s:
                self._say(self._codec.idle())

    def _ping(self, now: float) -> None:
        """Ask a provider that says nothing for a sign of life: one that is slow answers, one that is gone does not."""
        if self._link is not None:
            self._pinged_at = now
            self._link.ping()
            if self._emit is not None:
                self._emit(Awaited())

    def _lives(self) -> None:
        self._told_at = self._clock()
        self._tell((Alive(),))

    def _ended(self, end: tuple[int, str] | Exception) -> None:
        if isinstance(end, Exception):
            raise end
        failure = self._codec.closed(*end)
        if failure is not None:
            raise failure

    def _received(self, message: Message) -> None:
        """Take one message of the provider; what it raises ends the link."""
        self._heard_at = self._clock()
        if self._watch is not None:
            self._watch(message, sent=False)
        try:
            events = self._codec.receive(message)
        except Garbled as nonsense:
            self._garbled += 1
            logger.warning("a message of the provider was not understood: %s", nonsense.message)
            if self._garbled >= MAX_GARBLED:
                raise BridgeError("the provider sends nonsense", code="protocol_error") from None
            return
        if events:
            self._told_at = self._heard_at
        self._tell(events)
        self._say(self._codec.replies())
        if self._ready is not None and self._codec.ready:
            self._ready.set()

    def _tell(self, events: Iterable[Event]) -> None:
        if self._emit is not None:
            for event in events:
                self._emit(event)

    def _say(self, messages: Iterable[Message]) -> None:
        if self._link is not None:
            for message in messages:
                self._write(self._link, message)

    def _write(self, link: Link, message: Message, *, sound: bool = False) -> None:
        if self._watch is not None:
            self._watch(message, sent=True)
        self._sent_at = self._clock()
        link.send(message, sound=sound)


async def _unless_it_fails(ending: Awaitable[tuple[int, str]]) -> tuple[int, str] | Exception:
    """Return the end, or what went wrong as a value: the task group is for our own defects."""
    try:
        return await ending
    except Exception as failure:  # raised again by whoever waits
        return failure
