"""The cache as configured: its tiers, and the memories before voices and before engines that write down files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from mediaserver.cache.disk import Disk
from mediaserver.cache.flight import Flights
from mediaserver.cache.memory import Memory
from mediaserver.cache.redis import RedisTier
from mediaserver.cache.spoken import SpokenCache
from mediaserver.cache.tally import Tally
from mediaserver.cache.tiers import FarTier, Tiers
from mediaserver.cache.written import Written, WrittenCache, size_of
from mediaserver.cacheconfig import Cache
from mediaserver.speech import Sound

MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Cached:
    """What is open of the cache; ``disk`` where there is a folder."""

    spoken: SpokenCache
    written: WrittenCache
    tiers: Tiers
    memory: Memory
    disk: Disk | None

    def bytes(self) -> dict[str, float]:
        """Return what each tier of ours holds."""
        held: dict[str, float] = {"memory": self.memory.bytes}
        return held if self.disk is None else held | {"disk": self.disk.bytes}


@asynccontextmanager
async def open_cached(how: Cache) -> AsyncIterator[Cached]:
    """Open what is configured; what waits to be written is written when it is left. Raises ConfigError."""
    tally = Tally()
    memory = Memory(how.memory_mb * MB, tally)
    async with AsyncExitStack() as stack:
        far: list[FarTier] = []
        disk = Disk(Path(how.folder), how.folder_mb * MB, tally) if how.folder else None
        if disk is not None:
            far.append(stack.enter_context(disk.opened()))
        if how.redis is not None:
            far.append(await stack.enter_async_context(RedisTier(how.redis.reveal(), tally).opened()))
        tiers = await stack.enter_async_context(Tiers(memory, far, tally).opened())
        sounds: Flights[Sound] = Flights(lambda sound: len(sound.pcm))
        texts: Flights[Written] = Flights(size_of)
        yield Cached(
            spoken=SpokenCache(
                tiers, await stack.enter_async_context(sounds.opened()), max_age_s=how.max_age_s, enabled=how.speech
            ),
            written=WrittenCache(
                tiers,
                await stack.enter_async_context(texts.opened()),
                max_age_s=how.max_age_s,
                enabled=how.transcripts,
                stored=how.transcripts_stored,
            ),
            tiers=tiers,
            memory=memory,
            disk=disk,
        )
