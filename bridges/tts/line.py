"""One warm socket: texts go in, their sound comes out in order, and what is wrong with it ends it and no other."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import Callable, Iterable

from bridges.codec import Garbled, Message
from bridges.link import Link, Target
from bridges.pulse import Pulse
from bridges.tts.retried import LOST
from bridges.tts.wire import Ask, Heard, Wire
from mediaserver.clock import Clock
from mediaserver.errors import BridgeError
from mediaserver.speech import Sound

logger = logging.getLogger(__name__)

PIECES = 8192
MAX_BYTES = 16 << 20
"""Sound of one text that waits to be fetched; a voice that makes more is stopped."""
MAX_GARBLED = 3
TICK_S = 0.2
QUIET_S = 0.5
"""A provider that owes sound and has said nothing for so long is asked for a sign of life."""
IDLE_PING_S = 10.0
SETTLE_S = 2.0
"""A socket on which something cancelled goes on for so long takes no more texts, and is closed when it has none."""


class Speech:
    """One text on a socket, and its sound that has not been fetched yet."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.over = False
        self._waiting: deque[Sound] = deque(maxlen=PIECES)
        self._bytes = 0
        self._failure: BridgeError | None = None
        self._news = asyncio.Event()

    def put(self, sound: Sound) -> bool:
        """Keep some sound; ``False`` when there is too much of it."""
        if len(self._waiting) == PIECES or self._bytes + len(sound.pcm) > MAX_BYTES:
            return False
        self._waiting.append(sound)
        self._bytes += len(sound.pcm)
        self._news.set()
        return True

    def end(self, failure: BridgeError | None = None) -> None:
        """No more comes."""
        if not self.over:
            self.over, self._failure = True, failure
            self._news.set()

    async def next(self, within: float) -> Sound | None:
        """Return the next sound, ``None`` at the end. Raises BridgeError, ``timeout`` after ``within`` seconds."""
        while not self._waiting:
            if self._failure is not None:
                raise self._failure
            if self.over:
                return None
            self._news.clear()
            try:
                async with asyncio.timeout(within):
                    await self._news.wait()
            except TimeoutError:
                raise BridgeError("the voice did not answer in time", code="timeout") from None
        sound = self._waiting.popleft()
        self._bytes -= len(sound.pcm)
        return sound


class Line:
    """A socket from the moment it is dialled; :meth:`serve` is run by its owner, everything else is a plain call."""

    def __init__(self, url: str, target: Target, wire: Wire, clock: Clock, changed: Callable[[], None]) -> None:
        self.url, self.target = url, target
        self.claims = 0
        """Texts that wait for it to open."""
        self.failure: BridgeError | None = None
        self.leaving = False
        self._wire = wire
        self._clock = clock
        self._changed = changed
        self._numbers = itertools.count(1)
        self._speeches: dict[int, Speech] = {}
        self._link: Link | None = None
        self._opened = asyncio.Event()
        self._stop: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._garbled = 0
        self._born = self._used = clock()
        self._pulse = Pulse(self._born)
        self._unsettled: float | None = None

    # --- for the pool -------------------------------------------------------------------------------------------------

    @property
    def slots(self) -> int:
        """How many texts it can say at once."""
        return self._wire.slots

    @property
    def busy(self) -> bool:
        """Whether something is said, about to be, or not yet stopped."""
        return bool(self._speeches or self.claims or self._wire.settling)

    @property
    def is_open(self) -> bool:
        """Whether the handshake is over and went well."""
        return self._link is not None

    @property
    def idle_since(self) -> float:
        """When it was used last."""
        return self._used

    def room(self) -> int:
        """Return how many more texts may be brought to it; an opening socket takes as many as it will have places."""
        if self.leaving or self.failure is not None:
            return 0
        return (self._wire.room(self._clock()) if self._opened.is_set() else self.slots) - self.claims

    async def opened(self) -> None:
        """Wait until it is open; whoever opens it has the deadline. Raises BridgeError."""
        await self._opened.wait()
        if self.failure is not None:
            raise self.failure

    def begin(self, ask: Ask) -> Speech:
        """Say a text; there must be room for it."""
        speech = Speech(next(self._numbers))
        now = self._clock()
        if not self._speeches:
            self._pulse.lives(now)
        self._speeches[speech.number] = speech
        self._used = now
        self._say(self._wire.begin(speech.number, ask, now))
        return speech

    def leave(self, speech: Speech) -> None:
        """Nobody listens to this text any more: what is not complete is stopped."""
        if self._speeches.pop(speech.number, None) is not None:
            self._say(self._wire.cancel(speech.number))
            self._after()

    def stop(self) -> None:
        """Close it soon."""
        self.leaving = True
        if not self._stop.done():
            self._stop.set_result(None)

    def fail(self, failure: BridgeError) -> None:
        """It is of no more use: everything on it fails, and nothing else."""
        if self.failure is None:
            self.failure = failure
        self._link = None
        self._opened.set()
        speeches, self._speeches = self._speeches, {}
        for speech in speeches.values():
            speech.end(failure)
        self.stop()

    async def serve(self, link: Link, *, idle_s: float, age_s: float) -> None:
        """Carry texts until the socket has ended, is no more wanted, or too old."""
        self._link = link
        self._born = self._used = self._clock()
        self._pulse.lives(self._born)
        link.listen(self._received, self._lives)
        self._opened.set()
        async with asyncio.TaskGroup() as tasks:
            closed = tasks.create_task(_end(link))
            while not closed.done() and not self._stop.done():
                done, _ = await asyncio.wait((closed, self._stop), timeout=TICK_S, return_when=asyncio.FIRST_COMPLETED)
                if not done:
                    self._look(self._clock(), idle_s, age_s)
            ended = closed.result() if closed.done() else None
            closed.cancel()
        if ended is None:
            self._say(self._wire.goodbye())
        self.fail(self._meaning(ended))

    # --- inside -------------------------------------------------------------------------------------------------------

    def _meaning(self, ended: int | BridgeError | None) -> BridgeError:
        if isinstance(ended, BridgeError):
            return ended
        if ended is not None:
            return self._wire.closed(ended)
        return BridgeError("the socket of the voice was closed", code=LOST)

    def _received(self, message: Message) -> None:
        """Take one message; what it raises ends the socket."""
        self._lives()
        try:
            heard = self._wire.receive(message)
        except Garbled as nonsense:
            self._garbled += 1
            logger.warning("a message of the voice was not understood: %s", nonsense.message)
            if self._garbled >= MAX_GARBLED:
                raise BridgeError("the voice sends nonsense", code="protocol_error") from None
            return
        for each in heard:
            self._hand_on(each)
        self._after()

    def _hand_on(self, heard: Heard) -> None:
        speech = self._speeches.get(heard.speech)
        if speech is None:
            return
        self._used = self._pulse.heard_at
        if heard.sound is None:
            del self._speeches[heard.speech]
            speech.end()
        elif not speech.put(heard.sound):
            self.leave(speech)
            speech.end(BridgeError("the voice made too much sound", code="too_large"))

    def _lives(self) -> None:
        self._pulse.lives(self._clock())

    def _after(self) -> None:
        """Look at what a message or a cancelled text has left behind, and say that there may be room now."""
        if not self._wire.settling:
            self._unsettled = None
        elif self._unsettled is None:
            self._unsettled = self._clock()
        if self._wire.spent:
            self.stop()
        self._changed()

    def _look(self, now: float, idle_s: float, age_s: float) -> None:
        unsettled = self._unsettled is not None and now - self._unsettled >= SETTLE_S
        self.leaving = self.leaving or unsettled or now - self._born >= age_s
        if not self._speeches and not self.claims and (self.leaving or now - self._used >= idle_s):
            self.stop()
        self._watch(now)

    def _watch(self, now: float) -> None:
        """Ask a provider that owes sound, or has been idle for long, whether it is there."""
        if self._pulse.look(now, QUIET_S if self._speeches else IDLE_PING_S) and self._link is not None:
            self._pulse.asked()
            self._link.ping()
        if self._pulse.lost:
            self.fail(BridgeError("the voice gives no sign of life", code=LOST))

    def _say(self, messages: Iterable[str]) -> None:
        if self._link is not None:
            for message in messages:
                self._link.send(message)


async def _end(link: Link) -> int | BridgeError:
    """Return the code of the close, or what went wrong, as a value: the task group is for our own defects."""
    try:
        code, _ = await link.wait_closed()
    except BridgeError as failure:
        return failure
    return code
