import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

from mediaserver.cache.control import Control
from mediaserver.cache.flight import Flights
from mediaserver.cache.memory import Memory
from mediaserver.cache.tally import Tally
from mediaserver.cache.tiers import Tiers
from mediaserver.cache.written import Written, WrittenCache, size_of
from mediaserver.speech import FileAsk, FileToText, FileTranscript, SoundFile
from tests.cache.engines import Ear
from tests.cache.test_tiers import Far

SOUND = SoundFile(b"RIFF" * 100, "wav", 1.5)


@asynccontextmanager
async def opened(*far: Far, **how: Any) -> AsyncIterator[WrittenCache]:
    tally = Tally()
    async with (
        asyncio.timeout(10),
        Tiers(Memory(10_000_000, tally), far, tally).opened() as tiers,
        Flights[Written](size_of).opened() as flights,
    ):
        yield WrittenCache(tiers, flights, **{"max_age_s": 60.0, "enabled": True} | how)


async def written(engine: FileToText, ask: FileAsk | None = None, sound: SoundFile = SOUND) -> list[Written]:
    return [piece async for piece in engine.transcribe(sound, ask or FileAsk())]


async def test_a_file_heard_before_needs_no_engine_and_costs_nothing():
    ear = Ear()
    async with opened() as cache:
        *pieces, first = await written(cache.of("shop", ear, "id"))
        assert pieces == ["hello", "there"] and isinstance(first, FileTranscript) and first.usage is not None
        engine = cache.of("shop", ear, "id")
        text, again = await written(engine)
        assert text == first.text and isinstance(again, FileTranscript) and engine.headers["X-Cache"] == "hit"
        assert (again.words, again.language, again.duration) == (first.words, "en", 1.5) and again.usage is None
        await written(cache.of("bank", ear, "id"))
        await written(cache.of("shop", ear, "id"), FileAsk(words=True))
        await written(cache.of("shop", ear, "id"), sound=SoundFile(b"RIFX", "wav", 1.5))
    assert len(ear.asked) == 4 and cache.of("t", ear, "id").file_limits == ear.file_limits


async def test_who_takes_the_whole_and_leaves_has_it_kept():
    ear = Ear()
    async with opened() as cache:
        for _ in range(2):
            async with aclosing(cache.of("shop", ear, "id").transcribe(SOUND, FileAsk())) as pieces:
                async for piece in pieces:
                    if isinstance(piece, FileTranscript):
                        break
    assert len(ear.asked) == 1


async def test_who_leaves_before_has_nothing_kept():
    ear = Ear()
    async with opened() as cache:
        for _ in range(2):
            async with aclosing(cache.of("shop", ear, "id").transcribe(SOUND, FileAsk())) as pieces:
                assert await anext(pieces) == "hello"
    assert len(ear.asked) == 2


async def test_an_engine_that_does_not_stream_gives_the_whole_only():
    ear = Ear("hello")
    ear.file_features = frozenset()
    async with opened() as cache:
        await written(cache.of("shop", ear, "id"))
        (whole,) = await written(cache.of("shop", ear, "id"))
        assert isinstance(whole, FileTranscript)


async def test_equal_requests_at_once_are_one_and_one_pays():
    ear = Ear()
    async with opened() as cache, asyncio.TaskGroup() as tasks:
        asking = [tasks.create_task(written(cache.of("shop", ear, "id"))) for _ in range(20)]
    assert len(ear.asked) == 1
    wholes = [task.result()[-1] for task in asking]
    assert sum(isinstance(whole, FileTranscript) and whole.usage is not None for whole in wholes) == 1


async def test_nothing_is_kept_unless_configured_and_nothing_far_unless_that_is():
    ear, far = Ear(), Far()
    for how, asked, stored in (({"enabled": False}, 2, 0), ({}, 3, 0), ({"stored": True}, 4, 1)):
        async with opened(far, **how) as cache:
            await written(cache.of("shop", ear, "id"))
            await written(cache.of("shop", ear, "id"))
        assert (len(ear.asked), len(far.kept)) == (asked, stored), how
    async with opened(far, stored=True) as cache:
        await written(cache.of("shop", ear, "id"))
    assert len(ear.asked) == 4


async def test_requests_with_wishes_are_honoured():
    ear = Ear()
    async with opened() as cache:
        for control, asked in (
            (Control(no_store=True), 1),
            (Control(), 2),
            (Control(no_cache=True), 3),
            (Control(), 3),
        ):
            await written(cache.of("shop", ear, "id", control))
            assert len(ear.asked) == asked
