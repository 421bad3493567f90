import asyncio
import time

from mediaserver.cache import tiers as module
from mediaserver.cache.entry import Entry
from mediaserver.cache.memory import Memory
from mediaserver.cache.tally import Tally
from mediaserver.cache.tiers import Tiers


def entry(body: bytes = b"sound", made: float | None = None, until: float | None = None) -> Entry:
    now = time.time()
    return Entry(made or now, until or now + 100, b"", body)


class Far:
    """A tier that answers when it is let, and remembers what it was asked."""

    def __init__(self, name: str = "disk", **kept: Entry) -> None:
        self.name = name
        self.kept = kept
        self.asked: list[str] = []
        self.open = asyncio.Event()
        self.open.set()

    def takes(self, one: Entry) -> bool:
        return one.size < 5_000_000

    async def get(self, key: str) -> Entry | None:
        self.asked.append(key)
        await self.open.wait()
        return self.kept.get(key)

    async def put(self, key: str, one: Entry) -> bool:
        await self.open.wait()
        self.kept[key] = one
        return True


def made(*far: Far, memory: int = 100_000) -> Tiers:
    return Tiers(Memory(memory, tally := Tally()), far, tally)


async def test_memory_answers_first_and_at_once():
    far = Far()
    async with made(far).opened() as tiers:
        tiers.keep("k", one := entry(), far=False)
        assert tiers.near("k") is one and not far.asked
        assert tiers.tally.hits == {"memory": 1}


async def test_what_a_far_tier_has_is_near_from_then_on():
    async with made(Far("disk"), Far("redis", k=entry())).opened() as tiers:
        found = await tiers.far("k", within=5)
        assert found is not None and tiers.near("k") is found
        assert tiers.tally.hits == {"redis": 1, "memory": 1}
        assert await tiers.far("other", within=5) is None


async def test_who_waits_does_not_wait_for_a_slow_tier_and_the_next_finds_what_it_had():
    slow, quick = Far("redis", k=entry()), Far("disk", l=entry())
    slow.open.clear()
    async with made(slow, quick).opened() as tiers:
        assert await tiers.far("k", within=0) is None
        assert await tiers.far("l", within=5) is not None
        slow.open.set()
        async with asyncio.timeout(5):
            while tiers.near("k") is None:
                await asyncio.sleep(0)


async def test_look_ups_that_hang_are_bounded_and_end_with_the_server(monkeypatch):
    monkeypatch.setattr(module, "LATE", 10)
    dead = Far()
    dead.open.clear()
    async with made(dead).opened() as tiers:
        for number in range(50):
            assert await tiers.far(str(number), within=0) is None
        assert len(dead.asked) <= 10
    assert await tiers.far("k") is None


async def test_what_is_kept_is_written_behind_and_before_the_end():
    far = Far()
    far.open.clear()
    async with made(far).opened() as tiers:
        tiers.keep("a", entry())
        tiers.keep("b", entry(), far=False)
        assert not far.kept
        far.open.set()
    assert set(far.kept) == {"a"}


async def test_what_waits_to_be_written_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "QUEUED_BYTES", 10_000)
    monkeypatch.setattr(module, "CLOSE_S", 0.01)
    far = Far()
    far.open.clear()
    async with made(far).opened() as tiers:
        for number in range(20):
            tiers.keep(str(number), entry(bytes(1500)))
        assert tiers.tally.dropped == 15 and tiers.near("19") is not None


async def test_what_is_too_old_for_who_asks_is_not_found():
    old = entry(made=time.time() - 50)
    async with made(Far(k=old, dead=entry(until=1.0))).opened() as tiers:
        assert await tiers.far("k", within=5, max_age=40) is None
        assert await tiers.far("dead", within=5) is None
        assert tiers.near("k", 40) is None and tiers.near("k", 60) is not None


async def test_to_store_is_to_wait_until_another_can_find_it():
    far = Far()
    async with made(far).opened() as tiers:
        assert await tiers.store("k", entry()) and "k" in far.kept
        assert tiers.takes(entry()) and not tiers.takes(entry(bytes(5_000_000))) and not tiers.alone
    async with made(memory=1000).opened() as tiers:
        assert not await tiers.store("k", entry()) and tiers.alone and not tiers.takes(entry())
