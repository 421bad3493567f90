"""A turn of speech over whatever socket there is: its sound is kept, so that a socket that is lost costs nothing of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bridges.retries import wait_before
from bridges.stt.line import Line
from bridges.stt.sockets import Kind, Sockets
from bridges.stt.streaming_options import Streaming
from mediaserver.breaker import RetryBudget
from mediaserver.clock import monotonic
from mediaserver.errors import BridgeError
from mediaserver.items import Usage
from mediaserver.speech import Partial, Transcript

RATE = 16000
_BYTES_PER_SECOND = RATE * 2
_AT_ONCE = frozenset({"connection_lost", "timeout", "session_expired", "provider_error", "protocol_error", "too_large"})
"""Failures of a socket after which another one is tried without a wait."""


class LiveUtterance:
    """Satisfies :class:`mediaserver.speech.Utterance`, its ``Pausing``, and :class:`bridges.stt.line.Turn`.

    What is fed goes out at once; while there is no connection it waits, up to the longest turn. When the connection is lost
    the sound is sent again on another one, a few times.
    """

    def __init__(
        self,
        take: Callable[[bool], Line],
        chosen: Streaming,
        budget: RetryBudget,
        on_partial: Callable[[Partial], None],
        prompt: str,
    ) -> None:
        self._take = take
        self._chosen = chosen
        self._budget = budget
        self._on_partial = on_partial
        self._prompt = prompt
        self._room = int(chosen.max_turn_s * _BYTES_PER_SECOND)
        self._sound = bytearray()
        self._sent = self._used = 0
        self._tries = 0
        self._finished = self._kept = False
        self._line: Line | None = None
        self._again: asyncio.TimerHandle | None = None
        self._outcome: asyncio.Future[Transcript | BridgeError] = asyncio.get_running_loop().create_future()

    # --- for who speaks -----------------------------------------------------------------------------------------------

    def feed(self, pcm: bytes) -> None:
        """Take PCM16 mono at 16 kHz."""
        self._sound += pcm[: self._room - len(self._sound)]
        self._push()

    def paused(self) -> None:
        """The caller is quiet."""
        if self._line is not None and self._line.ready and self._sent == len(self._sound):
            self._line.pause()

    def resumed(self) -> None:
        """The caller goes on."""
        if self._line is not None:
            self._line.resume()

    async def finish(self) -> Transcript:
        """Return what was said. Raises BridgeError."""
        self._finished = True
        if not self._sound:
            return Transcript("")
        if self._line is not None and self._line.ready:
            self._line.finish()
        try:
            async with asyncio.timeout(self._chosen.final_s):
                outcome = await self._outcome
        except TimeoutError:
            raise BridgeError("the recogniser did not write down the speech in time", code="timeout") from None
        if isinstance(outcome, BridgeError):
            raise outcome
        return outcome

    def connect(self) -> None:
        """Take a socket; the first one may be a warm one."""
        self._again = None
        self._tries += 1
        self._sent = 0
        try:
            self._line = self._take(self._tries > 1)
        except BridgeError as failure:
            return self._settle(failure)
        self._kept = self._line.ready
        return self._line.use(self, self._prompt)

    def leave(self) -> Line | None:
        """Want nothing more; returns the socket that was in use."""
        if self._again is not None:
            self._again.cancel()
        self._outcome.cancel()
        line, self._line = self._line, None
        return line

    # --- for the line -------------------------------------------------------------------------------------------------

    def opened(self) -> None:
        """Send what was said meanwhile."""
        self._push()
        if self._finished and self._line is not None:
            self._line.finish()

    def partial(self, partial: Partial) -> None:
        """Hand it on."""
        self._on_partial(partial)

    def done(self, transcript: Transcript) -> None:
        """The provider bills what it was sent, also what was sent twice."""
        used = Usage(seconds=self._used / _BYTES_PER_SECOND)
        self._settle(Transcript(transcript.text, used, transcript.language))

    def failed(self, failure: BridgeError) -> None:
        """Try another socket, where that can help; a kept one may have died before the turn: that is no retry."""
        self._line = None
        wait = self._wait(failure)
        if wait is None or self._tries >= self._chosen.attempts:
            return self._settle(failure)
        if not self._kept and not self._budget.take(monotonic()):
            return self._settle(failure)
        self._again = asyncio.get_running_loop().call_later(wait, self.connect)
        return None

    # --- inside -------------------------------------------------------------------------------------------------------

    def _push(self) -> None:
        if self._line is not None and self._line.ready and self._sent < len(self._sound):
            due = bytes(self._sound[self._sent :])
            self._sent += len(due)
            self._used += len(due)
            self._line.hear(due)

    def _wait(self, failure: BridgeError) -> float | None:
        if failure.retryable and failure.code in _AT_ONCE:
            return 0.0
        return wait_before(failure, self._tries, random.random())

    def _settle(self, outcome: Transcript | BridgeError) -> None:
        if not self._outcome.done():
            self._outcome.set_result(outcome)


class Live:
    """The live half of an engine; ``dial`` says which sockets suit a language."""

    def __init__(self, sockets: Sockets, chosen: Streaming, dial: Callable[[str | None], Kind]) -> None:
        self._sockets = sockets
        self._chosen = chosen
        self._dial = dial
        self._budget = RetryBudget()

    def warm(self) -> None:
        """Open a socket ahead of the first turn."""
        self._sockets.warm(self._dial(None))

    @asynccontextmanager
    async def utterance(
        self, on_partial: Callable[[Partial], None], *, language: str | None = None, prompt: str = ""
    ) -> AsyncIterator[LiveUtterance]:
        """Open one turn, without a wait; leaving without ``finish`` closes its socket at once."""
        kind = self._dial(language)
        self._budget.offer(monotonic())

        def take(fresh: bool) -> Line:
            return self._sockets.take(kind, fresh=fresh or (kind.prompts and bool(prompt)))

        turn = LiveUtterance(take, self._chosen, self._budget, on_partial, prompt)
        turn.connect()
        try:
            yield turn
        finally:
            line = turn.leave()
            if line is not None:
                line.release()
                if line.over:
                    self._sockets.drop(line)
