"""One conversation through the server with one provider, kind of turn by kind of turn, and what became of each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from aiohttp import web

from benchmarks.matrix.clients import RATE, Client, Told, over_rtvi, over_webrtc, over_websocket
from mediaserver.config import Config, Media, Model
from signaling.app import build
from tests.servers import toned
from tests.servers.fleet import FLEET
from tests.servers.minds import Brain

KINDS = ("session update", "text turn", "audio turn", "tool call", "barge-in")
TURN_S = 25.0
TOOL = {
    "type": "function",
    "name": "get_time",
    "description": "Tells the time.",
    "parameters": {"type": "object", "properties": {"zone": {"type": "string"}}},
}
HEARD = ("what time is it", "please use the tool", "count to nine please, a long answer", "stop that")

Way = Callable[[str, str], AbstractAsyncContextManager[Client]]
WAYS: dict[str, Way] = {
    "websocket": over_websocket,
    "webrtc": over_webrtc,
    "rtvi": lambda base, model: over_rtvi(base, model, [TOOL]),
}


@asynccontextmanager
async def serving(providers: Sequence[str]) -> AsyncIterator[str]:
    """Run the whole server in this process with a model for each provider's simulator; give its address."""
    async with AsyncExitStack() as stack:
        models = {"echo": Model(bridge="echo")}
        for name in providers:
            entry = FLEET[name]
            sim = await stack.enter_async_context(entry.make(brain=Brain(*HEARD)))
            models[name] = Model(bridge=name, provider=entry.options(sim))
        config = Config(media=Media(port=0, addresses=("127.0.0.1",)), models=models, default_model="echo")
        runner = web.AppRunner(build(config), access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"


async def run_way(way: str, providers: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return a row of cells for each provider, all of them called at once."""
    async with serving(providers) as base:
        rows = await asyncio.gather(*(run(WAYS[way], base, name) for name in providers))
    return dict(zip(providers, rows, strict=True))


async def run(way: Way, base: str, provider: str) -> dict[str, str]:
    """Hold one conversation and return its cells."""
    row = dict.fromkeys(KINDS, "FAILED: not reached")
    try:
        async with asyncio.timeout(len(KINDS) * TURN_S * 1.5), way(base, provider) as client:
            for kind in KINDS:
                row[kind] = await _CELLS[kind](client)
                await asyncio.sleep(0.5)
    except (Exception, asyncio.CancelledError) as problem:
        row["audio turn"] = f"FAILED: {type(problem).__name__} {problem}"
    return row


def refusal(told: list[Told]) -> str | None:
    """Return how a request was refused, ``None`` when it was not."""
    for one in told:
        if one.kind == "error":
            return f"refused: {one.text}" if "behind this call" in one.text else f"FAILED: {one.name} {one.text}"
    return None


def _has(kind: str, name: str = "", text: str = "") -> Callable[[list[Told]], bool]:
    def so(told: list[Told]) -> bool:
        return any(one.kind == kind and name in one.name and text in one.text for one in told)

    return so


def _answered(told: list[Told]) -> bool:
    return any(one.kind == "done" and one.name == "completed" and one.text.strip() for one in told)


async def _until(client: Client, happened: Callable[[list[Told]], bool], since: int, what: str) -> str | None:
    """Return what is wrong: a refusal, or that it did not happen; ``None`` when it did."""
    await client.until(lambda told: happened(told) or refusal(told) is not None, since, TURN_S)
    told = client.told[since:]
    if happened(told):
        return None
    return refusal(told) or f"FAILED: no {what} in {[one.kind for one in told][-8:]}"


async def _update(client: Client) -> str:
    since = len(client.told)
    if not await client.update("You answer in one short sentence.", [TOOL]):
        return "no such message in RTVI"
    wrong = await _until(client, _has("updated"), since, "session.updated")
    complaint = refusal(client.told[since:])
    return wrong or (f"ok, but for tools: {complaint}" if complaint else "ok")


async def _text(client: Client) -> str:
    since = len(client.told)
    await client.write("Hello there.")
    wrong = await _until(client, _answered, since, "answer")
    await asyncio.sleep(3.5)  # it is being heard
    return wrong or "ok"


async def _audio(client: Client) -> str:
    since = len(client.told)
    client.say(toned.speak(30, 4, RATE))
    wrong = await _until(client, _answered, since, "answer")
    await asyncio.sleep(4.0)
    return wrong or "ok"


async def _tool(client: Client) -> str:
    since = len(client.told)
    client.say(toned.speak(31, 4, RATE))
    wrong = await _until(client, _has("tool"), since, "function call")
    if wrong is not None:
        return wrong
    call = next(one for one in client.told[since:] if one.kind == "tool")
    since = len(client.told)
    await client.answer_tool(call, "half past nine")
    wrong = await _until(
        client, lambda told: _has("done", text="half past nine")(told), since, "answer with the output"
    )
    await asyncio.sleep(5.0)
    return wrong or "ok"


async def _barge_in(client: Client) -> str:
    since = len(client.told)
    client.say(toned.speak(32, 4, RATE))
    wrong = await _until(client, _has("began"), since, "answer")
    if wrong is not None:
        return wrong
    await asyncio.sleep(2.0)
    since = len(client.told)
    client.say(toned.speak(33, 3, RATE))
    wrong = await _until(client, lambda told: _has("cut")(told) or _has("spoke")(told), since, "interruption")
    return wrong or await _cut_for_good(client, since)


async def _cut_for_good(client: Client, since: int) -> str:
    """Over a WebSocket the client plays: what the server remembers of the reply must be shorter than the reply."""
    if await client.until(_has("cut"), since, 3.0):
        return "ok"
    replies = [one for one in client.told if one.kind == "began" and one.id]
    await client.retrieve(replies[-1].id if replies else "")
    await client.until(_has("item"), since, 5.0)
    item = next((one for one in client.told[since:] if one.kind == "item"), None)
    if item is not None and "nine" not in item.text:
        return "ok"
    return f"FAILED: nothing was cut: {item.text if item else 'no item'}"


_CELLS: dict[str, Callable[[Client], Awaitable[str]]] = {
    "session update": _update,
    "text turn": _text,
    "audio turn": _audio,
    "tool call": _tool,
    "barge-in": _barge_in,
}
