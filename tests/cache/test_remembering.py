"""What both memories share; what is kept, and how, is theirs."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from mediaserver.cache.control import USUAL, Control
from mediaserver.cache.entry import Entry
from mediaserver.cache.flight import Flights
from mediaserver.cache.memory import Memory
from mediaserver.cache.remembering import Cache, Remembering
from mediaserver.cache.tally import Tally
from mediaserver.cache.tiers import Tiers


class Copier(Remembering[str]):
    """Makes the key itself, when it is let."""

    may = asyncio.Event()

    async def make(self, key: str) -> AsyncGenerator[str, None]:
        if await self._far(key):
            raise AssertionError("nothing is kept here")
        self._missed()
        await self.may.wait()
        yield key

    async def copy(self, key: str) -> list[str]:
        if entry := self._near(key):
            self._hit(entry)
            return [entry.body.decode()]
        return [piece async for piece in self._shared(key, self.make(key))]


@pytest.mark.parametrize(
    ("control", "ways"),
    [(USUAL, ["miss", "shared"]), (Control(no_store=True), ["miss", "miss"]), (Control(no_cache=True), ["miss"] * 2)],
)
async def test_one_makes_it_for_all_who_want_no_more_than_that(control: Control, ways: list[str]) -> None:
    tally = Tally()
    async with (
        asyncio.timeout(10),
        Tiers(Memory(10_000_000, tally), (), tally).opened() as tiers,
        Flights[str](len).opened() as flights,
    ):
        users = [Copier(Cache(tiers, flights, max_age_s=60, enabled=True), control) for _ in range(2)]
        Copier.may = asyncio.Event()
        asking = [asyncio.create_task(user.copy("a")) for user in users]
        await asyncio.sleep(0.01)
        Copier.may.set()
        assert [await each for each in asking] == [["a"], ["a"]]
        assert [user.headers["X-Cache"] for user in users] == ways
        assert (tally.misses, tally.shared) == (ways.count("miss"), ways.count("shared"))


async def test_what_is_kept_is_told_by_its_age_and_who_wants_nothing_old_is_not_given_it() -> None:
    tally = Tally()

    def wall() -> float:
        return 25.0

    async with (
        Tiers(Memory(10_000_000, tally, wall), (), tally, wall).opened() as tiers,
        Flights[str](len).opened() as flights,
    ):
        tiers.keep("a", Entry(5.0, 99.0, b"", b"kept"))
        Copier.may.set()
        for control, copy, age in ((USUAL, "kept", "20"), (Control(no_cache=True), "a", None)):
            user = Copier(Cache(tiers, flights, max_age_s=60, enabled=True), control)
            assert (await user.copy("a"), user.headers.get("Age")) == ([copy], age)
        assert not Copier(Cache(tiers, flights, max_age_s=60, enabled=False), USUAL).headers
