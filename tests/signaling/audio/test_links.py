import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from mediaserver.cache.memory import Memory
from mediaserver.cache.tally import Tally
from mediaserver.cache.tiers import Tiers
from mediaserver.cacheconfig import AudioLinks as Configured
from mediaserver.cacheconfig import LinkKey
from mediaserver.errors import BridgeError, Forbidden, NotFound, Overloaded, TooLarge
from mediaserver.section import Secret
from signaling.audio.links import PLACE, AudioLinks, Linked
from tests.cache.test_tiers import Far

KEYS = (LinkKey(id="k1", secret=Secret("s" * 32)),)


class Wall:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Encoder:
    def __init__(self, body: bytes = b"ID3 sound", fails: Exception | None = None) -> None:
        self.made = 0
        self.body, self.fails = body, fails

    async def __call__(self) -> bytes:
        self.made += 1
        if self.fails:
            raise self.fails
        return self.body


@asynccontextmanager
async def opened(
    *far: Far, memory: int = 1_000_000, wall: Wall | None = None, keys: Any = KEYS, **how: Any
) -> AsyncIterator[AudioLinks]:
    wall = wall or Wall()
    async with (
        asyncio.timeout(10),
        Tiers(Memory(memory, tally := Tally(), wall), far, tally, wall).opened() as tiers,
    ):
        yield AudioLinks(Configured(keys=keys, public_base=how.pop("public_base", "")), tiers, **how)


async def found(links: AudioLinks, url: str) -> Linked:
    at = urlsplit(url)
    name, _, extension = at.path.rpartition("/")[2].partition(".")
    assert at.path.startswith(PLACE)
    return await links.open(name, extension, parse_qsl(at.query))


async def test_equal_requests_have_one_address_and_are_made_once():
    async with opened() as links:
        encoder = Encoder()
        one = await links.link_for("shop", "key", "mp3", encoder, origin="http://here")
        assert one == await links.link_for("shop", "key", "mp3", encoder, origin="http://here")
        assert encoder.made == 1 and one.url.startswith(f"http://here{PLACE}")
        file = await found(links, one.url)
        assert (file.body, file.type, file.etag[0]) == (b"ID3 sound", "audio/mpeg", '"')
        assert 3600 <= file.max_age <= 4500 and one.expires_at == Wall.now + file.max_age
        others = [
            await links.link_for("bank", "key", "mp3", encoder),
            await links.link_for("shop", "other", "mp3", encoder),
            await links.link_for("shop", "key", "wav", encoder),
        ]
        assert len({one.url, *(other.url for other in others)}) == encoder.made == 4


async def test_a_file_is_made_anew_for_who_wants_that():
    async with opened() as links:
        link = await links.link_for("shop", "key", "mp3", Encoder())
        old = await found(links, link.url)
        assert link == await links.link_for("shop", "key", "mp3", Encoder(b"ID3 other"), anew=True)
        new = await found(links, link.url)
        assert new.body == b"ID3 other" and new.etag != old.etag


async def test_a_file_is_there_for_as_long_as_its_address_is_good_and_not_longer():
    wall = Wall()
    async with opened(wall=wall) as links:
        encoder = Encoder()
        link = await links.link_for("shop", "key", "mp3", encoder)
        wall.now = link.expires_at - 1
        again = await links.link_for("shop", "key", "mp3", encoder)  # a later address, the same file
        assert again.expires_at > link.expires_at and encoder.made == 1
        assert (await found(links, link.url)).etag == (await found(links, again.url)).etag
        wall.now = link.expires_at
        with pytest.raises(Forbidden) as refused:
            await found(links, link.url)
        assert refused.value.code == "link_expired" and (await found(links, again.url)).body


async def test_what_is_not_kept_any_more_is_not_found():
    async with opened(memory=4000) as links:
        link = await links.link_for("shop", "key", "mp3", Encoder())
        for number in range(10):
            await links.link_for("shop", str(number), "mp3", Encoder())
        with pytest.raises(NotFound):
            await found(links, link.url)


async def test_what_goes_wrong_in_the_making_is_told_and_nothing_is_kept():
    async with opened() as links:
        with pytest.raises(BridgeError, match="down"):
            await links.link_for("shop", "key", "mp3", Encoder(fails=BridgeError("down")))
        assert await links.link_for("shop", "key", "mp3", encoder := Encoder()) and encoder.made == 1
        with pytest.raises(TooLarge):
            await links.link_for("shop", "key", "wav", Encoder(bytes(300_000)))


async def test_several_workers_need_shared_keys_and_a_shared_cache():
    for far, keys, well in (((), KEYS, False), ((Far(),), (), False), ((Far(),), KEYS, True)):
        async with opened(*far, keys=keys, workers=True) as links:
            making = links.link_for("shop", "key", "mp3", Encoder())
            if well:
                link = await making
                async with opened(*far, keys=keys, workers=True) as another:
                    assert (await found(another, link.url)).body
                continue
            with pytest.raises(Overloaded) as refused:
                await making
            assert refused.value.code == "links_unavailable"


async def test_one_worker_makes_its_own_key_and_says_where_it_stands():
    async with opened(keys=(), base="https://us.example/") as links, opened(keys=()) as other:
        link = await links.link_for("shop", "key", "opus", Encoder(), origin="http://spoofed")
        assert link.url.startswith(f"https://us.example{PLACE}") and (await found(links, link.url)).type == "audio/ogg"
        with pytest.raises(Forbidden):
            await found(other, link.url)
    async with opened(public_base="https://cdn.example/voice/", base="https://us.example") as links:
        link = await links.link_for("shop", "key", "mp3", Encoder())
        assert link.url.startswith(f"https://cdn.example/voice{PLACE}")
