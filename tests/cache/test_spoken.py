import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from bridges.hybrid.bridge import Warm
from mediaserver.cache import spoken as module
from mediaserver.cache.control import MISS, SHARED, Control
from mediaserver.cache.flight import Flights
from mediaserver.cache.memory import Memory
from mediaserver.cache.spoken import PIECE_MS, SpokenCache, SpokenVoice
from mediaserver.cache.tally import Tally
from mediaserver.cache.tiers import Tiers
from mediaserver.errors import BridgeError
from mediaserver.speech import Manner, Sound, TextToSpeech, VoiceCloning, VoiceList
from tests.cache.engines import Mouth
from tests.cache.test_tiers import Far


@asynccontextmanager
async def opened(*far: Far, **how: Any) -> AsyncIterator[SpokenCache]:
    tally = Tally()
    async with (
        asyncio.timeout(10),
        Tiers(Memory(10_000_000, tally), far, tally).opened() as tiers,
        Flights[Sound](lambda sound: len(sound.pcm)).opened() as flights,
    ):
        yield SpokenCache(tiers, flights, **{"max_age_s": 60.0} | how)


async def said(engine: TextToSpeech, text: str = "hi", **how: Any) -> list[Sound]:
    return [sound async for sound in engine.speak(text, **how)]


def whole(sounds: list[Sound]) -> tuple[bytes, list[Any]]:
    return b"".join(sound.pcm for sound in sounds), [word for sound in sounds for word in sound.words]


async def test_a_text_said_before_is_the_same_sound_and_words_in_a_players_pieces():
    mouth = Mouth(count=50)
    async with opened() as cache:
        voice = cache.of("shop", mouth, "id")
        first = await said(voice)
        assert voice.outcome == MISS
        again = cache.of("shop", mouth, "id")
        kept = await said(again)
        assert again.outcome.how == "hit" and 0 <= again.outcome.age < 10
        assert (voice.headers["X-Cache"], again.headers["X-Cache"]) == ("miss", "hit") and "Age" in again.headers
    assert whole(kept) == whole(first) and len(mouth.asked) == mouth.closed == 1
    size = 2 * mouth.rate * PIECE_MS // 1000
    assert {len(sound.pcm) for sound in kept[:-1]} == {size}
    for number, sound in enumerate(kept):  # a word comes with the sound in which it was told
        assert all(number * PIECE_MS <= word.start_ms < (number + 1) * PIECE_MS for word in sound.words)
    assert (cache.tiers.tally.misses, cache.tiers.tally.hits) == (1, {"memory": 1})


async def test_what_is_near_needs_no_turn_of_the_loop():
    async with opened() as cache:
        await said(cache.of("shop", Mouth(), "id"))
        speaking = cache.of("shop", Mouth(), "id").speak("hi")
        with pytest.raises(StopIteration) as done:
            speaking.__anext__().send(None)  # not once suspended
        assert done.value.value.pcm
        await speaking.aclose()


@pytest.mark.parametrize(
    ("tenant", "identity", "how"),
    [
        ("bank", "id", {}),
        ("shop", "other", {}),
        ("shop", "id", {"voice": "b"}),
        ("shop", "id", {"speed": 1.5}),
        ("shop", "id", {"manner": Manner("Softly.")}),
    ],
)
async def test_another_tenant_voice_or_manner_is_another_sound(tenant, identity, how):
    mouth = Mouth()
    async with opened() as cache:
        await said(cache.of("shop", mouth, "id"))
        await said(cache.of(tenant, mouth, identity), **how)
    assert len(mouth.asked) == 2
    assert mouth.asked[1][1:3] == (how.get("voice", ""), how.get("speed", 1.0))


async def test_a_stampede_is_one_upstream_call_and_all_hear_the_same():
    mouth = Mouth()
    mouth.gates[1] = asyncio.Event()
    async with opened(Far()) as cache, asyncio.TaskGroup() as tasks:
        voices = [cache.of("shop", mouth, "id") for _ in range(100)]
        saying = [tasks.create_task(said(voice)) for voice in voices]
        stranger = tasks.create_task(said(cache.of("bank", mouth, "id")))
        while len(mouth.asked) < 2:
            await asyncio.sleep(0)
        mouth.gates[1].set()
    assert [whole(task.result()) for task in saying] == [whole(stranger.result())] * 100
    assert len(mouth.asked) == 2 and cache.tiers.tally.shared == 99
    assert [voice.outcome for voice in voices].count(SHARED) == 99


async def test_who_is_interrupted_stops_the_engine_and_nothing_is_kept():
    mouth = Mouth()
    mouth.gates[1] = asyncio.Event()
    async with opened() as cache:
        async with aclosing(cache.of("shop", mouth, "id").speak("hi")) as sounds:
            await anext(sounds)
        assert mouth.closed == 1
        mouth.gates[1].set()
        assert len(await said(cache.of("shop", mouth, "id"))) == 3 and len(mouth.asked) == 2


async def test_what_breaks_off_is_not_kept_and_what_is_empty_neither():
    mouth = Mouth(fails=[BridgeError("down")])
    async with opened() as cache:
        with pytest.raises(BridgeError, match="down"):
            await said(cache.of("shop", mouth, "id"))
        mouth.count = 0
        assert await said(cache.of("shop", mouth, "id")) == []
        mouth.count = 1
        assert len(await said(cache.of("shop", mouth, "id"))) == 1


async def test_what_is_too_long_is_said_and_not_kept(monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 2000)
    mouth = Mouth(count=4)
    async with opened() as cache:
        for _ in range(2):
            assert len(await said(cache.of("shop", mouth, "id"))) == 4
    assert len(mouth.asked) == 2


async def test_what_another_engine_spoke_in_its_place_is_said_and_not_kept():
    class Mixed(Mouth):
        async def speak(self, text: str, **how: Any) -> AsyncGenerator[Sound, None]:
            async for sound in super().speak(text, **how):
                yield replace(sound, stand_in=len(self.asked) == 1 and sound.pcm[0] == 1)

    mouth = Mixed()
    async with opened() as cache:
        for asked in (1, 2, 2):
            assert len(whole(await said(cache.of("shop", mouth, "id")))[0]) == 2880
            assert len(mouth.asked) == asked


async def test_the_far_tiers_are_asked_before_the_engine():
    mouth, far = Mouth(), Far()
    async with opened(far) as cache:
        first = await said(cache.of("shop", mouth, "id"))
    async with opened(far) as cache:
        voice = cache.of("shop", mouth, "id")
        assert whole(await said(voice)) == whole(first) and voice.outcome.how == "hit"
        assert cache.tiers.tally.misses == 0
    assert len(mouth.asked) == 1


async def test_requests_with_wishes_are_honoured():
    mouth, far = Mouth(), Far()
    async with opened(far) as cache:
        for control, asked in (
            (Control(no_store=True), 1),  # nothing is kept ...
            (Control(), 2),
            (Control(no_store=True), 2),  # ... but what is kept may be used
            (Control(max_age=60), 2),
            (Control(max_age=-1), 3),
            (Control(no_cache=True), 4),
            (Control(), 4),
        ):
            assert len(whole(await said(cache.of("shop", mouth, "id", control)))[0]) == 2880
            assert len(mouth.asked) == asked, control


async def test_it_can_be_off_and_does_not_keep_what_has_no_name():
    mouth = Mouth()
    async with opened(enabled=False) as cache:
        await said(cache.of("shop", mouth, "id"))
        await said(voice := cache.of("shop", mouth, "id"))
        assert voice.headers == {}
    async with opened() as cache:
        for _ in range(2):
            assert len(await said(cache.of("shop", mouth, "id"), manner=Manner(settings={"odd": object()}))) == 3
    assert len(mouth.asked) == 4


async def test_another_rate_than_was_kept_is_not_played(monkeypatch):
    mouth = Mouth()
    monkeypatch.setattr(SpokenVoice, "key", lambda *_: "k")
    async with opened() as cache:
        await said(cache.of("shop", mouth, "id"))
        mouth.rate = 8000
        await said(cache.of("shop", mouth, "id"))
    assert len(mouth.asked) == 2


async def test_what_else_the_engine_can_do_is_passed_through():
    class Rich(Mouth):
        async def list_voices(self) -> list[Any]:
            return ["ann"]

    async with opened() as cache:
        rich, plain = cache.of("t", Rich(), "id"), cache.of("t", object.__new__(Mouth), "id")
        assert (rich.rate, rich.voices) == (16000, ("a", "b")) and isinstance(rich, Warm)
        await rich.warm()  # type: ignore[attr-defined]
        assert await rich.list_voices() == ["ann"]  # type: ignore[attr-defined]
        assert not hasattr(plain, "list_voices") and not hasattr(plain, "clone_voice")
        assert {*VoiceList.__dict__, *VoiceCloning.__dict__} >= {"list_voices", "clone_voice", "delete_voice"}
