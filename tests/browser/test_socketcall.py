"""A call over a WebSocket, with the test at its other end: what goes out, what is played, and when it is silent."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from playwright.async_api import Browser, Page

from signaling.middleware import HEADERS
from tests.browser import stage
from tests.browser.driving import Complaints, open_page, until
from tests.fakes.caller import tone

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]

NAMES = {"response_id": "r1", "item_id": "a1"}
INTERRUPTED = NAMES | {"text": "", "unheard": "", "estimated": True, "played_ms": 9, "onset_ms": 9, "silent_ms": 9}
STATE = "document.documentElement.dataset.state"
KINDS = {".js": "text/javascript", ".css": "text/css", ".json": "application/json", ".svg": "image/svg+xml"}


class Server:
    """The page's server as far as a call without UDP needs it: worklets come past a stage, so they come from here."""

    def __init__(self) -> None:
        self.wire = web.WebSocketResponse(protocols=("realtime",))
        self.said: list[dict[str, Any]] = []
        self.offered = ""

    @contextlib.asynccontextmanager
    async def run(self) -> AsyncIterator[str]:
        """Serve on a free port of this machine; yields the page's address."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/", self._file),
                web.get("/static/{path:.+}", self._file),
                web.get("/page.json", self._facts),
                web.post("/v1/realtime/calls", self._offer),
                web.post("/v1/realtime/calls/rtc_1/hangup", self._facts),
                web.get("/v1/realtime", self._socket),
            ]
        )
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    async def tell(self, kind: str, **fields: Any) -> None:
        """Say something on the WebSocket."""
        await self.wire.send_str(json.dumps({"type": kind, **fields}))

    async def answer(self, seconds: int) -> None:
        """Say an answer of so many seconds, as fast as it goes."""
        await self.tell("response.created", response={"id": "r1"})
        for _ in range(2 * seconds):
            await self.tell("response.output_audio.delta", **NAMES, delta=base64.b64encode(tone(500, 24000)).decode())
        await self.tell("response.output_audio.done", **NAMES)

    async def heard(self, kind: str) -> dict[str, Any]:
        """Return the last event of this type as soon as there is one."""
        async with asyncio.timeout(10):
            while not (found := [one for one in self.said if one["type"] == kind]):
                await asyncio.sleep(0.02)
        return found[-1]

    async def _file(self, request: web.Request) -> web.Response:
        path = stage.WEB / request.match_info.get("path", "index.html")
        kind = KINDS.get(path.suffix, "text/html")
        return web.Response(body=path.read_bytes(), headers=HEADERS | {"Content-Type": kind})

    async def _facts(self, _: web.Request) -> web.Response:
        return web.json_response(stage.FACTS)

    async def _offer(self, _: web.Request) -> web.Response:
        return web.Response(status=201, text="v=0\r\n", headers={"Location": "/v1/realtime/calls/rtc_1"})

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        self.offered = request.headers["Sec-WebSocket-Protocol"]
        await self.wire.prepare(request)
        await self.tell("session.created", session={"id": "sess_1", "model": "local"})
        async for message in self.wire:
            if message.type == WSMsgType.TEXT:
                self.said.append(json.loads(message.data))
        return self.wire


@contextlib.asynccontextmanager
async def _without_udp(chrome: Browser) -> AsyncIterator[tuple[Server, Page]]:
    """Call where the connection fails, and wait until the call stands over the WebSocket."""
    server, complaints = Server(), Complaints()
    async with server.run() as url, await chrome.new_context() as context:
        await context.add_init_script(stage.FAKE_PEER)
        page = await open_page(context, f"{url}/?view=inspect&panel=events", complaints)
        await page.click("#start")
        await until(page, "Boolean(call.peer?.remoteDescription)")
        await page.evaluate("call.state('failed')")
        await until(page, f"{STATE} === 'listening'")
        yield server, page
        assert await page.evaluate("violations") + complaints.errors == []


async def test_sound_goes_both_ways_as_the_contract_has_it(chrome: Browser) -> None:
    """The key as a browser can send it, the formats named, 20 ms of PCM16 in each piece; an answer is played to its end."""
    async with _without_udp(chrome) as (server, page):
        session = (await server.heard("session.update"))["session"]
        assert {session["audio"][way]["format"]["rate"] for way in ("input", "output")} == {24_000}
        assert session["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 500
        assert {tool["name"] for tool in session["tools"]} == {"roll_dice", "get_browser_details"}
        assert len(base64.b64decode((await server.heard("input_audio_buffer.append"))["audio"])) == 960
        assert server.offered == "realtime, mediaserver-events, openai-insecure-api-key.sk-local"
        assert "WebSocket" in await page.locator("#carrier").inner_text()
        await server.answer(1)
        await until(page, f"{STATE} === 'speaking'")
        await until(page, f"{STATE} === 'listening'")
        assert not any(one["type"] == "conversation.item.truncate" for one in server.said)
        await page.click("#open-export")
        await page.locator("#export[open]").wait_for()
        preview = await page.locator("#preview").input_value()
        assert "output_audio_buffer.stopped" in preview
        assert '"delta"' not in preview


async def test_speech_cuts_an_answer_where_it_was_heard(chrome: Browser) -> None:
    """A pause keeps the rest; an interruption drops it and says how much was heard, and what comes late is not played."""
    async with _without_udp(chrome) as (server, page):
        await server.answer(20)
        await until(page, f"{STATE} === 'speaking'")
        await server.tell("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0)
        await server.tell("reply.paused", response_id="r1")
        await server.tell("reply.resumed", response_id="r1")
        await asyncio.sleep(0.3)
        assert not any(one["type"] == "conversation.item.truncate" for one in server.said)
        await server.tell("input_audio_buffer.speech_started", item_id="u2", audio_start_ms=900)
        await server.tell("reply.paused", response_id="r1")
        await server.tell("interrupted", **INTERRUPTED)
        cut = await server.heard("conversation.item.truncate")
        assert (cut["item_id"], cut["content_index"]) == ("a1", 0)
        assert 0 < cut["audio_end_ms"] < 20_000
        await server.tell("response.output_audio.delta", **NAMES, delta=base64.b64encode(tone(500, 24000)).decode())
        await until(page, f"{STATE} === 'hearing'")
        await page.locator("#log-rows", has_text="output_audio_buffer.cleared").wait_for(timeout=5_000)
        await asyncio.sleep(0.3)
        assert (await page.locator("#log-rows").inner_text()).count("output_audio_buffer.started") == 1


async def test_whatever_stops_an_answer_and_a_close_that_ends_the_call(chrome: Browser) -> None:
    """What is typed, and an interruption without speech (push-to-talk); the card of a lost line says how it went."""
    async with _without_udp(chrome) as (server, page):
        await server.answer(20)
        await until(page, f"{STATE} === 'speaking'")
        await page.fill("#text", "something else")
        await page.keyboard.press("Enter")
        assert (await server.heard("conversation.item.truncate"))["item_id"] == "a1"
        await server.heard("response.create")
        server.said.clear()
        await server.answer(20)
        await until(page, f"{STATE} === 'speaking'")
        await server.tell("interrupted", **INTERRUPTED)
        await server.heard("conversation.item.truncate")
        await server.wire.close(code=1011, message=b"upstream_error")
        card = page.locator(".card[data-code=lost]")
        await card.wait_for(timeout=5_000)
        assert "WebSocket 1" in await card.inner_text()
        assert await page.get_attribute("html", "data-state") == "ended"
