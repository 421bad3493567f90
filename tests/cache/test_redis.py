import asyncio
import sys
import time

import pytest

from mediaserver.cache import redis as module
from mediaserver.cache.entry import Entry
from mediaserver.cache.redis import BESIDE, MAX_VALUE, PREFIX, RedisTier
from mediaserver.cache.tally import Tally
from mediaserver.errors import ConfigError
from tests.servers.redis_server import needs_redis, redis_server

pytest.importorskip("redis", reason="the extra 'redis' is not installed")
A, B = "a" * 64, "b" * 64


def entry(size: int = 1000, seconds: float = 100.0) -> Entry:
    now = time.time()
    return Entry(now, now + seconds, b"{}", bytes(size))


@needs_redis
async def test_what_one_machine_kept_another_finds_until_it_is_too_old(tmp_path):
    async with (
        redis_server(tmp_path) as server,
        RedisTier(server.url, Tally()).opened() as one,
        RedisTier(server.url, Tally()).opened() as other,
    ):
        for size in (1000, 2 * BESIDE):
            assert await one.put(A, kept := entry(size)) and await other.get(A) == kept
        assert 98 <= await one._redis.ttl(PREFIX + A) <= 100
        assert not await one.put(B, entry(seconds=0.5)) and not await one.put(B, entry(MAX_VALUE))
        assert await other.get(B) is None


@needs_redis
async def test_what_somebody_else_put_there_is_no_entry(tmp_path):
    async with redis_server(tmp_path) as server, RedisTier(server.url, Tally()).opened() as tier:
        await tier._redis.set(PREFIX + A, b"\0garbage" * 100)
        await tier._redis.lpush(PREFIX + B, "a list")
        assert await tier.get(A) is None and await tier.get(B) is None
        assert await tier.put(A, entry()) and await tier.get(A) is not None


@needs_redis
async def test_one_that_is_killed_is_left_alone_and_used_again_when_it_is_back(tmp_path):
    tally, now = Tally(), [0.0]
    async with redis_server(tmp_path) as server, RedisTier(server.url, tally, clock=lambda: now[0]).opened() as tier:
        assert await tier.put(A, entry())
        await server.kill()
        assert await tier.get(A) is None and tally.failures == {"redis": 1}
        assert await tier.get(A) is None and tally.failures == {"redis": 1}  # not even asked
        now[0] += 0.3
        assert await tier.get(A) is None and tally.failures == {"redis": 2}
        await server.start()
        assert not await tier.put(A, entry())
        now[0] += 0.6
        assert await tier.put(A, entry()) and await tier.get(A) is not None


@needs_redis
async def test_one_that_hangs_costs_a_deadline(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "GET_S", 0.02)
    tally, now = Tally(), [0.0]
    async with redis_server(tmp_path) as server, RedisTier(server.url, tally, clock=lambda: now[0]).opened() as tier:
        assert await tier.put(A, entry())
        server.freeze()
        assert await asyncio.gather(*(tier.get(A) for _ in range(100))) == [None] * 100
        assert 1 <= tally.failures["redis"] <= module.AT_ONCE
        server.thaw()
        now[0] += module.LONGEST_S
        monkeypatch.setattr(module, "GET_S", 5)
        assert await tier.get(A) is not None


@needs_redis
async def test_one_that_is_full_or_may_not_write_still_answers(tmp_path):
    tally = Tally()
    async with redis_server(tmp_path) as server, RedisTier(server.url, tally, clock=lambda: 0.0).opened() as tier:
        assert await tier.put(A, entry())
        await tier._redis.config_set("maxmemory", "1mb")
        assert not await tier.put(B, entry(1_500_000)) and tally.failures == {"redis": 1}
        assert await tier.get(A) is not None


async def test_an_address_that_is_none_and_a_missing_package_are_refused_at_start(monkeypatch):
    with pytest.raises(ConfigError, match="is not an address") as refused:
        async with RedisTier("redis://:canary@host:port/x", Tally()).opened():
            pass
    assert "canary" not in str(refused.value)
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(ConfigError, match=r"mediaserver\[redis\]"):
        async with RedisTier("redis://host", Tally()).opened():
            pass
