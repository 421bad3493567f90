"""A door in front of a server whose calls all go through a bad network: any client, only the URL changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
from aiohttp import web

from tests.servers.udp_impair import Proxy, Weather, candidates, through, udp_impair

PASSED_ON = ("Authorization", "Content-Type")


@asynccontextmanager
async def impaired_door(url: str, weather: Weather, *, seed: int = 1) -> AsyncIterator[tuple[str, list[Proxy]]]:
    """Forward everything below ``/v1/realtime/calls`` to ``url``; yields the address to call and the proxies so far."""
    proxies: list[Proxy] = []
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())

        async def forward(request: web.Request) -> web.Response:
            headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
            body = await request.read()
            async with http.post(f"{url}{request.path_qs}", data=body, headers=headers) as answer:
                text = await answer.text()
                location = {"Location": answer.headers["Location"]} if "Location" in answer.headers else {}
            if answer.status == 201:
                server = next(each for each in candidates(text) if not each[0].startswith("127."))
                proxies.append(await stack.enter_async_context(udp_impair(server, weather, seed=seed)))
                text = through(text, proxies[-1].address)
            return web.Response(status=answer.status, text=text, content_type=answer.content_type, headers=location)

        app = web.Application()
        app.router.add_post("/v1/realtime/calls", forward)
        app.router.add_post("/v1/realtime/calls/{rest:.+}", forward)
        runner = web.AppRunner(app)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", proxies
