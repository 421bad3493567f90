"""Redis as a tier: what one machine made, others need not. It is a cache and never the truth: without it all goes on.

Each wait has a short deadline. One that does not answer is left alone for a moment, twice as long each time.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from mediaserver.cache.entry import Entry, pack, unpack
from mediaserver.cache.tally import Tally
from mediaserver.clock import Clock, monotonic
from mediaserver.errors import ConfigError

logger = logging.getLogger(__name__)

NAME = "redis"
PREFIX = "mediaserver:cache:"
GET_S, PUT_S = 0.1, 1.0
"""A look-up that takes longer is no use; nobody waits for a write."""
PAUSE_S, LONGEST_S = 0.25, 4.0
"""Redis is left alone for so long after a failure, and at most for so long after several."""
AT_ONCE = 16
"""Commands on their way; one more is not sent."""
MAX_VALUE = 4 * 1024 * 1024
BESIDE = 64 * 1024
"""A larger value is packed and checked in a thread."""


class RedisTier:
    """Never raises once it is open. ``wall``: unix seconds."""

    name = NAME

    def __init__(
        self, url: str, tally: Tally, *, clock: Clock = monotonic, wall: Callable[[], float] = time.time
    ) -> None:
        self._url = url
        self._tally = tally
        self._clock = clock
        self._wall = wall
        self._redis: Any = None
        self._errors: tuple[type[Exception], ...] = ()
        self._refusals: tuple[type[Exception], ...] = ()
        self._refused = False
        self._busy = 0
        self._pause = 0.0
        self._back = -math.inf

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[RedisTier]:
        """Prepare the connections, which are made when they are needed. Raises ConfigError without the package."""
        try:
            from redis.asyncio import Redis
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff
            from redis.exceptions import RedisError, ResponseError
        except ImportError:
            raise ConfigError("cache.redis", "needs pip install 'mediaserver[redis]'") from None
        try:
            self._redis = Redis.from_url(
                self._url,
                socket_timeout=PUT_S,
                socket_connect_timeout=PUT_S,
                retry=Retry(NoBackoff(), 0),
                max_connections=2 * AT_ONCE,
            )
        except ValueError:
            raise ConfigError("cache.redis", "is not an address of a Redis") from None
        self._errors, self._refusals = (RedisError, OSError, TimeoutError), (ResponseError,)
        try:
            yield self
        finally:
            redis, self._redis = self._redis, None
            await redis.aclose()

    def takes(self, entry: Entry) -> bool:
        """Say whether an entry is small enough."""
        return entry.size <= MAX_VALUE

    async def get(self, key: str) -> Entry | None:
        """Return what is kept under a key."""
        data = await self._asked(lambda: self._redis.get(PREFIX + key), GET_S)
        if not isinstance(data, bytes):
            return None
        entry = unpack(key, data) if len(data) <= BESIDE else await asyncio.to_thread(unpack, key, data)
        return entry if entry is not None and entry.fresh(self._wall()) else None

    async def put(self, key: str, entry: Entry) -> bool:
        """Keep an entry until it is too old; say whether it was."""
        seconds = math.floor(entry.until - self._wall())
        if seconds < 1 or not self.takes(entry):
            return False
        data = pack(key, entry) if entry.size <= BESIDE else await asyncio.to_thread(pack, key, entry)
        return bool(await self._asked(lambda: self._redis.set(PREFIX + key, data, ex=seconds), PUT_S))

    async def _asked(self, command: Callable[[], Awaitable[Any]], limit: float) -> Any:
        if self._redis is None or self._clock() < self._back or self._busy >= AT_ONCE:
            return None
        self._busy += 1
        try:
            async with asyncio.timeout(limit):
                answer = await command()
        except self._refusals as problem:  # it lives: full, read-only, or the key is not ours
            self._said_no(type(problem).__name__)
            return None
        except self._errors as problem:
            self._failed(type(problem).__name__)
            return None
        finally:
            self._busy -= 1
        if self._pause:
            self._pause = 0.0
            logger.info("the cache's Redis is back")
        return answer

    def _said_no(self, what: str) -> None:
        self._tally.failures[NAME] += 1
        if not self._refused:
            self._refused = True
            logger.warning("the cache's Redis refuses commands: %s", what)

    def _failed(self, what: str) -> None:
        self._tally.failures[NAME] += 1
        if not self._pause:
            logger.warning("the cache goes on without its Redis: %s", what)
        self._pause = min(LONGEST_S, 2 * self._pause or PAUSE_S)
        self._back = self._clock() + self._pause
