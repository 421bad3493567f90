from mediaserver.cluster.names import Names
from tests.signaling.doors import door


async def test_alive_is_not_ready() -> None:
    async with door(ready=False) as at:
        assert (await at.client.get("/healthz")).status == 200
        assert (await at.client.get("/readyz")).status == 503
        assert (await at.call()).status == 503


async def test_ready_until_the_server_stops() -> None:
    async with door() as at:
        assert (await at.client.get("/readyz")).status == 200
        at.door.accepting = False
        answer = await at.client.get("/readyz")
        assert answer.status == 503 and answer.headers["Retry-After"]
        assert (await at.client.get("/healthz")).status == 200


async def test_a_worker_says_which_it_is() -> None:
    async with door() as at:
        assert await (await at.client.get("/healthz")).json() == {"status": "ok"}
        at.door.names = Names(3)
        for path in ("/healthz", "/readyz"):
            assert (await (await at.client.get(path)).json())["worker"] == 3
