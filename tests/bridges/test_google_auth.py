import asyncio

import pytest

from bridges.google_auth import EARLY_S, open_google_auth
from bridges.options import Remote
from mediaserver.errors import BridgeError, ConfigError
from tests.servers.google_tokens import token_server


async def test_a_token_is_kept_until_shortly_before_its_end():
    now = 1000.0
    async with token_server() as server, open_google_auth(Remote(), server.key, lambda: now) as auth:
        assert await auth.headers() == {"Authorization": "Bearer ya29.0"}
        now += server.life_s - EARLY_S - 1
        assert await auth.headers() == {"Authorization": "Bearer ya29.0"}
        now += 1
        assert await auth.headers() == {"Authorization": "Bearer ya29.1"}
        assert auth.project == "a-project"


async def test_who_asks_at_once_shares_one_token():
    async with token_server() as server, open_google_auth(Remote(), server.key) as auth:
        server.slow_s = 0.05
        every = await asyncio.gather(*(auth.headers() for _ in range(20)))
    assert every == [{"Authorization": "Bearer ya29.0"}] * 20 and server.requests == 1


async def test_who_waits_shares_the_failure_and_the_next_one_tries_again():
    async with token_server() as server, open_google_auth(Remote(), server.key) as auth:
        server.slow_s, server.status = 0.05, 400
        every = await asyncio.gather(*(auth.headers() for _ in range(20)), return_exceptions=True)
        assert all(isinstance(failure, BridgeError) and "invalid_grant" in str(failure) for failure in every)
        assert server.requests == 1
        server.status = 200
        assert await auth.headers() == {"Authorization": "Bearer ya29.0"}


async def test_who_goes_away_leaves_the_buying_to_the_next():
    async with token_server() as server, open_google_auth(Remote(), server.key) as auth:
        server.slow_s = 0.2
        async with asyncio.TaskGroup() as group:
            first = group.create_task(auth.headers())
            second = group.create_task(auth.headers())
            await asyncio.sleep(0.05)
            first.cancel()
            assert await second == {"Authorization": f"Bearer {server.sold[-1]}"}


@pytest.mark.parametrize(
    "body",
    [
        b"no json",
        b"[]",
        b'{"access_token": 5, "expires_in": 3599}',
        b'{"access_token": "a\\nb", "expires_in": 3599}',
        b'{"access_token": "a", "expires_in": "soon"}',
        b"[" * 60_000,
    ],
    ids=lambda body: body[:45],
)
async def test_what_is_no_token_is_refused(body):
    async with token_server() as server, open_google_auth(Remote(), server.key) as auth:
        server.body = body
        with pytest.raises(BridgeError) as failed:
            await auth.headers()
        assert failed.value.code == "protocol_error"


async def test_a_life_that_cannot_be_is_no_longer_than_an_hour():
    now = 1.0
    async with token_server() as server, open_google_auth(Remote(), server.key, lambda: now) as auth:
        server.life_s = 1e300
        await auth.headers()
        now = 3601.0
        assert await auth.headers() == {"Authorization": "Bearer ya29.1"}


async def test_an_api_key_needs_no_token():
    async with open_google_auth(Remote(key="k"), "") as auth:
        assert await auth.headers() == {"X-Goog-Api-Key": "k"}


async def test_without_either_nothing_is_opened():
    with pytest.raises(ConfigError):
        async with open_google_auth(Remote(), ""):
            pass
