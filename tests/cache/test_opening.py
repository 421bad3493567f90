import sys

import pytest

from mediaserver.cache.opening import open_cached
from mediaserver.cacheconfig import Cache
from mediaserver.errors import ConfigError
from mediaserver.section import Secret
from tests.cache.engines import Mouth
from tests.cache.test_spoken import said
from tests.servers.redis_server import needs_redis, redis_server


async def test_as_configured_by_default_speech_is_kept_in_memory_and_transcripts_nowhere():
    async with open_cached(Cache()) as cached:
        assert cached.spoken.enabled and not cached.written.enabled and cached.tiers.alone
        await said(cached.spoken.of("t", Mouth(), "id"))
        assert cached.bytes() == {"memory": cached.memory.bytes} and cached.memory.bytes > 2880


async def test_what_was_said_before_a_restart_is_in_the_folder(tmp_path):
    mouth, how = Mouth(), Cache(folder=str(tmp_path / "cache"), memory_mb=0)
    for _ in range(2):
        async with open_cached(how) as cached:
            assert len(await said(cached.spoken.of("t", mouth, "id"))) >= 1
    assert len(mouth.asked) == 1
    assert cached.bytes()["disk"] > 2880 and cached.tiers.tally.hits == {"disk": 1}


@needs_redis
async def test_a_redis_that_dies_in_mid_use_costs_nobody_a_word(tmp_path):
    pytest.importorskip("redis")
    mouth = Mouth()
    async with redis_server(tmp_path) as server:
        how = Cache(redis=Secret(server.url), memory_mb=0)
        async with open_cached(how) as cached:
            await said(cached.spoken.of("t", mouth, "id"))
        async with open_cached(how) as cached:
            assert await cached.tiers.far(str(cached.spoken.of("t", mouth, "id").key("hi")), within=5) is not None
            await server.kill()
            for number in range(20):
                assert len(await said(cached.spoken.of("t", mouth, "id"), f"text {number}")) == 3
            assert cached.tiers.tally.failures["redis"] >= 1


async def test_a_redis_without_the_package_is_refused_at_start(monkeypatch):
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(ConfigError, match=r"cache\.redis"):
        async with open_cached(Cache(redis=Secret("redis://localhost"))):
            pass
