"""All conversations of one worker: admitted, listed, drained."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from mediaserver.audio.vad import MakeVoice, WebRtcVoice
from mediaserver.bridge import Bridge
from mediaserver.caller import Caller
from mediaserver.clock import Clock, monotonic, new_id
from mediaserver.conversation.judging import Asks
from mediaserver.conversation.leg import Place
from mediaserver.conversation.limits import Limits
from mediaserver.conversation.session import Session
from mediaserver.conversation.support import Support
from mediaserver.errors import NotFound, Overloaded
from mediaserver.events import EndReason, SessionEnded
from mediaserver.settings import Settings

logger = logging.getLogger(__name__)

OnEnd = Callable[[Session, SessionEnded], None]

RETRY_FULL_S = 5
RETRY_DRAINING_S = 30


class Sessions:
    """Owns the task of every session; ``async with`` it. Leaving ends all of them with ``server_shutdown``.

    ``on_end`` is told of each end: a plain call; what it raises is logged, and costs no other session anything.
    """

    def __init__(
        self,
        max_sessions: int,
        limits: Limits | None = None,
        clock: Clock = monotonic,
        on_end: OnEnd | None = None,
        make_voice: MakeVoice = WebRtcVoice,
        judge: Asks | None = None,
    ) -> None:
        self.max_sessions = max_sessions
        self.draining = False
        self.started = 0
        self.ended: dict[EndReason, int] = {}
        self._limits = limits or Limits()
        self._clock = clock
        self._on_end = on_end
        self._make_voice, self._judge = make_voice, judge
        self._sessions: dict[str, Session] = {}
        self._tasks = asyncio.TaskGroup()
        self._empty = asyncio.Event()
        self._empty.set()

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.draining = True
        self._end_all("server_shutdown")
        await self._tasks.__aexit__(kind, error, trace)

    def __len__(self) -> int:
        return len(self._sessions)

    @property
    def limits(self) -> Limits:
        """The bounds of a session that has none of its own."""
        return self._limits

    def check(self) -> None:
        """Raises Overloaded when no session can be started now."""
        if self.draining:
            raise Overloaded("the server is shutting down", retry_after=RETRY_DRAINING_S, code="draining")
        if len(self._sessions) >= self.max_sessions:
            raise Overloaded("the server is full", retry_after=RETRY_FULL_S)

    def start(
        self,
        caller: Caller,
        settings: Settings,
        route: Bridge | Sequence[Place],
        limits: Limits | None = None,
        support: Support | None = None,
    ) -> Session:
        """Start a session and return it; raises Overloaded when full or draining."""
        self.check()
        name = new_id("sess")
        session = Session(
            name,
            caller,
            route,
            settings,
            limits or self._limits,
            self._clock,
            make_voice=self._make_voice,
            judge=self._judge,
            support=support,
        )
        self._sessions[caller.id] = session
        self._empty.clear()
        self.started += 1
        self._tasks.create_task(self._run(session), name=f"session {caller.id}")
        return session

    def get(self, call_id: str) -> Session:
        """Return the session of a call; raises NotFound."""
        session = self._sessions.get(call_id)
        if session is None:
            raise NotFound("no such call", code="call_not_found")
        return session

    def list(self) -> list[Session]:
        """Return the sessions that are running, oldest first."""
        return [*self._sessions.values()]

    async def hang_up(self, call_id: str, reason: EndReason = "client_closed") -> None:
        """End a call and return when it is gone, at most after a few seconds; raises NotFound."""
        session = self.get(call_id)
        session.end(reason)
        try:
            async with asyncio.timeout(2 * RETRY_FULL_S):
                await session.gone.wait()
        except TimeoutError:
            return  # it ends all the same, in its own task

    async def drain(self, timeout: float) -> int:  # noqa: ASYNC109  # the deadline is what the operator grants the callers
        """Start no more, wait up to ``timeout`` seconds for those that run, then end them; return how many were ended."""
        self.draining = True
        try:
            async with asyncio.timeout(timeout):
                await self._empty.wait()
        except TimeoutError:
            left = len(self._sessions)
            self._end_all("server_shutdown")
            async with asyncio.timeout(4 * RETRY_FULL_S):
                await self._empty.wait()
            return left
        return 0

    def _end_all(self, reason: EndReason) -> None:
        for session in self.list():
            session.end(reason)

    async def _run(self, session: Session) -> None:
        try:
            ended = await session.run()
            self.ended[ended.reason] = self.ended.get(ended.reason, 0) + 1
            if self._on_end is not None:
                self._on_end(session, ended)
        except Exception as defect:  # the task group of all sessions must not hear of it
            logger.error("the end of session %s was not told: %s", session.id, type(defect).__name__)
        finally:
            del self._sessions[session.caller.id]
            session.gone.set()
            if not self._sessions:
                self._empty.set()
