"""One socket to a speech recogniser, used by one turn of speech after the other: a pure codec, a link, and the clock.

A provider that has said nothing for :data:`PING_S` while somebody waits for it is asked for a sign of life (a WebSocket
ping); without any within :data:`bridges.pulse.LOST` looks at the clock the line is given up.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from bridges.closes import broken_off
from bridges.codec import Garbled, Message
from bridges.link import Link, Target, open_link
from bridges.pulse import Pulse
from mediaserver.clock import Clock, monotonic
from mediaserver.errors import BridgeError
from mediaserver.speech import Partial, Transcript

logger = logging.getLogger(__name__)

TICK_S = 0.25
SETTLE_S = 0.1
PING_S = 0.5
IDLE_PING_S = 5.0
MAX_GARBLED = 3


class TurnCodec(Protocol):
    """One socket's side of a provider's protocol for live speech: turns begin, are heard, end, and are written down.

    Pure. ``idle_s``: nothing sent for so long is worth :meth:`idle`. ``ready``: sound may be sent. ``complete``: the text of
    the turn has come. ``clean``: nothing of a turn is on its way, so another may begin.
    """

    idle_s: float

    @property
    def ready(self) -> bool: ...
    @property
    def complete(self) -> bool: ...
    @property
    def clean(self) -> bool: ...

    def begin(self, prompt: str) -> None:
        """A turn begins; ``prompt`` is what was said before it, which the provider may have no word for."""
        ...

    def hear(self, pcm: bytes) -> Iterable[Message]:
        """Return the messages that carry this sound."""
        ...

    def pause(self) -> Sequence[Message]:
        """The caller is quiet: return what has what was said so far written down."""
        ...

    def resume(self) -> None:
        """The caller goes on."""
        ...

    def finish(self) -> Sequence[Message]:
        """The turn has ended: return what asks for its text."""
        ...

    def settle(self, quiet_s: float) -> None:
        """The provider lives and has said nothing since the end for so long: decide whether there is more to come."""
        ...

    def transcript(self) -> Transcript:
        """Return the text so far."""
        ...

    def receive(self, message: Message) -> Partial | None:
        """Return what is new. Raises Garbled for nonsense, other BridgeErrors for what ends the connection."""
        ...

    def idle(self) -> Sequence[Message]:
        """Return what keeps the connection."""
        ...

    def closed(self, code: int, reason: str) -> BridgeError | None:
        """Return what this close means where the provider has a meaning of its own for it."""
        ...


class Turn(Protocol):
    """Who uses a line; all calls are plain."""

    def opened(self) -> None:
        """Sound may be sent."""
        ...

    def partial(self, partial: Partial) -> None:
        """There is something new."""
        ...

    def done(self, transcript: Transcript) -> None:
        """The text has come. May be told twice."""
        ...

    def failed(self, failure: BridgeError) -> None:
        """The line is lost."""
        ...


class Line:
    """``serve`` runs it, in a task of its owner; ``on_ready`` and ``on_free`` tell the owner when it can be used (again)."""

    def __init__(
        self,
        target: Target,
        codec: TurnCodec,
        *,
        connect_s: float,
        idle_s: float,
        age_s: float,
        on_ready: Callable[[Line], None],
        on_free: Callable[[Line], None],
        tls: ssl.SSLContext | None = None,
        clock: Clock = monotonic,
    ) -> None:
        self.target = target
        self._codec = codec
        self._connect_s, self._idle_s, self._age_s = connect_s, idle_s, age_s
        self._on_ready, self._on_free = on_ready, on_free
        self._tls = tls
        self._clock = clock
        self._link: Link | None = None
        self._turn: Turn | None = None
        self._ready = self._touched = False
        self._garbled = 0
        self._born = self._free_at = self._sent_at = self._told_at = clock()
        self._pulse = Pulse(self._born)
        self._finished_at: float | None = None
        self._over: asyncio.Future[BridgeError | None] = asyncio.get_running_loop().create_future()

    # --- for its owner ------------------------------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Sound may be sent."""
        return self._ready and not self._over.done()

    @property
    def connecting(self) -> bool:
        """There is no connection yet."""
        return self._link is None

    @property
    def over(self) -> bool:
        """It is closed or about to be."""
        return self._over.done()

    async def serve(self) -> None:
        """Connect and stay until stopped or lost; the turn on the line is told of it."""
        try:
            async with open_link(self.target, timeout=self._connect_s, tls=self._tls) as link:
                self._link = link
                link.listen(self._received, self._lives)
                self._look_ready()
                self._lost(await self._served(link))
        except BridgeError as failure:
            self._end(failure)
            self._lost(failure)

    def stop(self) -> None:
        """Close it now; nobody is told."""
        self._turn = None
        self._end(None)

    # --- for a turn ---------------------------------------------------------------------------------------------------

    def use(self, turn: Turn, prompt: str) -> None:
        """A turn begins; ``opened`` is told now or when there is a connection."""
        self._turn, self._finished_at, self._touched = turn, None, False
        self._codec.begin(prompt)
        if self._ready:
            turn.opened()

    def hear(self, pcm: bytes) -> None:
        """Send sound of the turn."""
        self._touched = True
        self._say(self._codec.hear(pcm))

    def pause(self) -> None:
        """The caller is quiet."""
        self._say(self._codec.pause())

    def resume(self) -> None:
        """The caller goes on."""
        self._codec.resume()

    def finish(self) -> None:
        """The turn has ended."""
        self._finished_at, self._touched = self._clock(), True
        self._say(self._codec.finish())
        if self._codec.complete:
            return self._tell(None)
        self._ping()
        return self._settle_soon()

    def release(self) -> None:
        """The turn leaves: the line is free for another one, or closed where this one left something behind."""
        self._turn = self._finished_at = None
        reusable = not self._touched or (self._codec.complete and self._codec.clean)
        if not reusable or self._clock() - self._born >= self._age_s:
            self.stop()
        elif not self._over.done():
            self._free_at = self._clock()
            self._on_free(self)

    # --- inside -------------------------------------------------------------------------------------------------------

    async def _served(self, link: Link) -> BridgeError | None:
        async with asyncio.TaskGroup() as tasks:
            closing = tasks.create_task(self._until_closed(link))
            while not self._over.done():
                await asyncio.wait((self._over,), timeout=TICK_S)
                self._look(self._clock())
            closing.cancel()
        return self._over.result()

    async def _until_closed(self, link: Link) -> None:
        try:
            code, reason = await link.wait_closed()
        except BridgeError as failure:
            self._end(failure)
        else:
            self._end(self._codec.closed(code, reason) or broken_off(code, "the recogniser"))

    def _look(self, now: float) -> None:
        if self._turn is None and (now - self._free_at >= self._idle_s or now - self._born >= self._age_s):
            self.stop()
        if self._over.done():
            return
        if self._ready and self._finished_at is None and now - self._sent_at >= self._codec.idle_s:
            self._say(self._codec.idle())
        self._look_alive(now)

    def _settle_soon(self) -> None:
        asyncio.get_running_loop().call_later(SETTLE_S, self._look_settled, self._turn)

    def _look_settled(self, turn: Turn | None) -> None:
        """A provider that lives and says nothing more may have said all."""
        ended = self._finished_at
        if turn is None or turn is not self._turn or ended is None or self._codec.complete or self._over.done():
            return
        if self._pulse.heard_at > ended:
            self._codec.settle(self._clock() - max(self._told_at, ended))
            self._tell(None)
        self._settle_soon()

    def _look_alive(self, now: float) -> None:
        if self._pulse.look(now, IDLE_PING_S if self._turn is None else PING_S):
            self._ping()
        if self._pulse.lost:
            self._end(BridgeError("the recogniser fell silent", code="timeout"))

    def _ping(self) -> None:
        if self._link is not None:
            self._pulse.asked()
            self._link.ping()

    def _lives(self) -> None:
        self._pulse.lives(self._clock())

    def _received(self, message: Message) -> None:
        """Take one message; what it raises ends the link."""
        self._lives()
        self._told_at = self._pulse.heard_at
        try:
            partial = self._codec.receive(message)
        except Garbled as nonsense:
            self._garbled += 1
            logger.warning("a message of the recogniser was not understood: %s", nonsense.message)
            if self._garbled >= MAX_GARBLED:
                raise BridgeError("the recogniser sends nonsense", code="protocol_error") from None
            return
        self._look_ready()
        self._tell(partial)

    def _look_ready(self) -> None:
        if not self._ready and self._codec.ready and not self._over.done():
            self._ready = True
            self._on_ready(self)
            if self._turn is not None:
                self._turn.opened()

    def _tell(self, partial: Partial | None) -> None:
        if self._turn is None:
            if not self._codec.clean:
                self.stop()  # words that belong to nobody: another turn must not get them
            return
        if partial is not None:
            self._turn.partial(partial)
        if self._codec.complete and self._turn is not None:
            self._turn.done(self._codec.transcript())

    def _say(self, messages: Iterable[Message]) -> None:
        if self._link is not None:
            self._sent_at = self._clock()
            for message in messages:
                self._link.send(message)

    def _end(self, failure: BridgeError | None) -> None:
        if not self._over.done():
            self._over.set_result(failure)

    def _lost(self, failure: BridgeError | None) -> None:
        turn, self._turn = self._turn, None
        if turn is not None and failure is not None:
            turn.failed(failure)
