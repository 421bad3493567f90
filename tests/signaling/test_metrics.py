import msgspec

from mediaserver.config import Config, Key, Media, Secret
from signaling.door import DOOR
from tests.cache.engines import Mouth
from tests.cache.test_spoken import said
from tests.signaling.doors import KEY, door
from tests.signaling.houses import house, phone


def numbers(page: str) -> dict[str, float]:
    samples = (line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in samples}


async def test_what_runs_is_shown_and_what_has_ended() -> None:
    async with house() as client:
        async with phone(client, "?model=echo") as call:
            answer = await client.get("/metrics", headers=KEY)
            assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            shown = numbers(await answer.text())
            assert shown["mediaserver_sessions"] == shown["mediaserver_media_peers"] == 1
            assert shown["mediaserver_media_received_total"] > 0
            assert shown['mediaserver_loop_lag_seconds_bucket{le="+Inf"}'] > 0
            await client.post(f"{call.place}/hangup", headers=KEY)
        after = numbers(await (await client.get("/metrics", headers=KEY)).text())
        assert after["mediaserver_sessions"] == after["mediaserver_media_peers"] == 0
        assert after["mediaserver_sessions_started_total"] == 1
        assert after['mediaserver_sessions_ended_total{reason="client_closed"}'] == 1
        assert after["mediaserver_tasks"] < shown["mediaserver_tasks"]


async def test_what_the_cache_does_is_shown() -> None:
    async with house() as client:
        assert client.app is not None
        opened = client.app[DOOR].house
        assert opened is not None and opened.cached is not None and opened.links is not None
        for _ in range(2):
            await said(opened.cached.spoken.of("shop", Mouth(), "id"))
        shown = numbers(await (await client.get("/metrics", headers=KEY)).text())
        assert shown["mediaserver_cache_misses_total"] == shown['mediaserver_cache_hits_total{tier="memory"}'] == 1
        assert shown['mediaserver_cache_bytes{tier="memory"}'] > 2880
        assert shown["mediaserver_cache_shared_total"] == shown["mediaserver_cache_dropped_total"] == 0


async def test_only_a_key_with_the_scope_may_look() -> None:
    keys = (Key(name="shop", key=Secret("shop-key")), Key("prom", Secret("prom-key"), scopes=("metrics:read",)))
    config = Config(media=Media(port=0, addresses=("127.0.0.1",)), keys=keys)
    config = msgspec.structs.replace(
        config, development_key=msgspec.structs.replace(config.development_key, enabled=False)
    )
    async with house(config) as client:
        for key, status in (("", 401), ("sk-local", 401), ("shop-key", 403), ("prom-key", 200)):
            answer = await client.get("/metrics", headers={"Authorization": f"Bearer {key}"})
            assert answer.status == status, key


async def test_before_the_house_is_open_there_is_nothing_to_show() -> None:
    async with door(ready=False) as at:
        answer = await at.client.get("/metrics", headers=KEY)
        assert answer.status == 503
        assert answer.headers["Retry-After"]
