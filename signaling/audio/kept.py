"""An engine that is opened when it is first asked for, and closed by the task that opened it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Generic, TypeVar

from mediaserver.errors import BridgeError, MediaServerError

log = logging.getLogger(__name__)

Made = TypeVar("Made")

OPEN_S = 30.0


class Kept(Generic[Made]):
    """One of them. :meth:`keep` runs in a task of the owner until :meth:`end`."""

    def __init__(self, opening: Callable[[], AbstractAsyncContextManager[Made]]) -> None:
        self._opening = opening
        self._asked, self._settled, self._over = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._made: Made | None = None
        self._problem = BridgeError("the engine is closed", code="unavailable")

    async def get(self) -> Made:
        """Return it, open. Raises BridgeError when it cannot be opened; who comes next tries again."""
        if self._made is None:
            if not self._asked.is_set():
                self._settled.clear()
                self._asked.set()
            await self._opened()
        if self._made is None:
            raise self._problem
        return self._made

    async def _opened(self) -> None:
        try:
            async with asyncio.timeout(OPEN_S):
                await self._settled.wait()
        except TimeoutError:
            raise BridgeError("the engine did not open in time", code="timeout") from None

    async def keep(self) -> None:
        """Open it when it is asked for, and close it when all is over."""
        while not self._over.is_set():
            await self._asked.wait()
            if self._over.is_set():
                break
            await self._hold()
            self._asked.clear()
            self._settled.set()

    async def _hold(self) -> None:
        try:
            async with self._opening() as made:
                self._made = made
                self._settled.set()
                await self._over.wait()
        except MediaServerError as problem:
            self._problem = _bridge_error(problem)
        except Exception:  # a library that is missing or broken: this model fails, the others do not
            log.exception("an engine of the audio API does not open or close")
            self._problem = BridgeError("the engine cannot be opened; the server's log says why", code="unavailable")
        finally:
            self._made = None

    def end(self) -> None:
        """Let :meth:`keep` close it and return."""
        self._over.set()
        self._asked.set()


def _bridge_error(problem: MediaServerError) -> BridgeError:
    return problem if isinstance(problem, BridgeError) else BridgeError(str(problem), code="unavailable")
