from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from mediaserver.cache.opening import open_cached
from mediaserver.cacheconfig import AudioLinks as Configured
from mediaserver.cacheconfig import Cache
from signaling.audio.links import AudioLinks
from tests.signaling.doors import door

SOUND = bytes(range(250)) * 4


@pytest.fixture
async def at() -> AsyncIterator[tuple[Any, str]]:
    """Give a client of the routes, and where a file is."""

    async def make() -> bytes:
        return SOUND

    async with door() as fixture, open_cached(Cache()) as cached:
        links = AudioLinks(Configured(), cached.tiers)
        assert fixture.door.house is not None
        fixture.door.house = replace(fixture.door.house, links=links)
        there = urlsplit((await links.link_for("shop", "key", "mp3", make)).url)
        yield fixture.client, f"{there.path}?{there.query}"


async def test_whoever_has_the_address_may_fetch_all_of_it(at):
    client, url = at
    answer = await client.get(url, headers={"Origin": "https://stranger.example"})
    assert answer.status == 200 and await answer.read() == SOUND
    said = answer.headers
    assert (said["Content-Type"], said["Content-Length"], said["Accept-Ranges"]) == ("audio/mpeg", "1000", "bytes")
    assert said["Access-Control-Allow-Origin"] == "*" and said["Cross-Origin-Resource-Policy"] == "cross-origin"
    kind, _, seconds = said["Cache-Control"].partition(", max-age=")
    assert kind == "public" and 0 < int(seconds) <= 4500
    local = await client.get(url, headers={"Origin": "http://localhost:3000"})
    assert local.headers["Access-Control-Allow-Origin"] == "*"
    head = await client.head(url)
    assert (head.status, head.headers["Content-Length"], await head.read()) == (200, "1000", b"")
    assert head.headers["ETag"] == said["ETag"]


async def test_a_part_a_part_that_cannot_be_and_what_is_there_already(at):
    client, url = at
    answer = await client.get(url, headers={"Range": "bytes=990-"})
    assert (answer.status, answer.headers["Content-Range"]) == (206, "bytes 990-999/1000")
    assert await answer.read() == SOUND[990:] and answer.headers["Content-Length"] == "10"
    tag = answer.headers["ETag"]
    head = await client.head(url, headers={"Range": "bytes=0-9"})
    assert (head.status, head.headers["Content-Length"]) == (206, "10")
    beyond = await client.get(url, headers={"Range": "bytes=1000-"})
    assert (beyond.status, beyond.headers["Content-Range"], await beyond.read()) == (416, "bytes */1000", b"")
    several = await client.get(url, headers={"Range": "bytes=0-1,4-5"})
    assert several.status == 200 and len(await several.read()) == 1000
    for condition, status in ((tag, 206), ('"other"', 200)):
        assert (await client.get(url, headers={"Range": "bytes=0-1", "If-Range": condition})).status == status
    same = await client.get(url, headers={"If-None-Match": f'"x", {tag}', "Range": "bytes=0-1"})
    assert (same.status, await same.read(), same.headers["ETag"]) == (304, b"", tag)
    assert "public" in same.headers["Cache-Control"]


async def test_an_address_of_another_make_is_refused(at):
    client, url = at
    for change, status, code in (
        (("sig=", "sig=A"), 403, "invalid_signature"),
        (("?", "?v=1&"), 403, "invalid_signature"),
        ((".mp3", ".wav"), 403, "invalid_signature"),
        (("/files/", "/files/0"), 404, "not_found"),
        (("/files/", "/files/..%2f"), 404, "not_found"),
    ):
        answer = await client.get(url.replace(*change))
        assert (answer.status, (await answer.json())["error"]["code"]) == (status, code), change
        assert answer.headers["Cache-Control"] == "no-store"
    assert (await client.get(url.partition("?")[0])).status == 403
    assert (await client.post(url)).status == 405
