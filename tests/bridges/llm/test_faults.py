"""What every language model of the table does when its server misbehaves: resets, silence, garbage, refusals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import msgspec
import pytest

from bridges.llm import LLM
from mediaserver.errors import BridgeError
from mediaserver.speech import LanguageModel, Message, Piece
from tests.servers.anthropic_messages import AnthropicServer
from tests.servers.chat_completions import ChatServer
from tests.servers.gemini_generate import GeminiServer
from tests.servers.responses import ResponsesServer
from tests.servers.sse_model import ModelServer, model_server

ASK = (Message("system", "be brief"), Message("user", "hello"))
KINDS: dict[str, type[ModelServer]] = {
    "anthropic": AnthropicServer,
    "gemini": GeminiServer,
    "xai, searching": ResponsesServer,
}
ENGINES = [*sorted(LLM.keys() - {"local"}), "xai, searching"]

GARBAGE = {
    "bad JSON": 'data: {"choices": [\n\n',
    "array": "data: [1, 2, 3]\n\n",
    "wrong types": 'data: {"type": 7, "choices": {"a": 1}, "candidates": [[]], "usage": [], "usageMetadata": 7}\n\n',
    "deep": f"data: {'[' * 10_000}{']' * 10_000}\n\n",
    "huge number": f'data: {{"usage": {{"prompt_tokens": {"9" * 10_000}}}}}\n\n',
    "unknown event": 'event: brand.new\ndata: {"type": "brand.new"}\n\n',
    "comment": ": ping\n\n",
    "no SSE": "<html>\n\n",
}


@asynccontextmanager
async def opened(engine: str, **told: Any) -> AsyncIterator[tuple[ModelServer, LanguageModel]]:
    """Open one engine against its simulator; a router has one route, to a simulator of Groq."""
    async with model_server(KINDS.get(engine, ChatServer)) as server:
        options = {"model": "m", "url": server.base_url, "attempts": 1, **told}
        if engine == "openai_compatible":
            options = {"model": "m", "base_url": server.base_url}
            if limit := told.get("between_s"):
                options |= {"between_tokens_s": limit, "first_token_s": limit}
        if engine == "azure":
            options["url"] = server.base_url.removesuffix("/v1")
        if engine == "router":
            options = {"routes": {"one": {"engine": "groq", **options}}}
        name, _, searching = engine.partition(", ")
        if searching:
            options["search"] = ["web_search"]
        row = LLM[name]
        async with row.open(msgspec.convert(options, row.options)) as model:
            yield server, model


async def said(model: LanguageModel) -> list[Piece]:
    return [piece async for piece in model.reply(ASK)]


def texts(pieces: Sequence[object]) -> str:
    return "".join(piece for piece in pieces if isinstance(piece, str))


async def failure(model: LanguageModel) -> BridgeError:
    with pytest.raises(BridgeError) as failed:
        await said(model)
    return failed.value


@pytest.mark.parametrize("engine", ENGINES)
async def test_a_connection_that_is_reset_in_mid_reply(engine: str) -> None:
    async with opened(engine) as (server, model):
        server.events, server.reset = server.begin("Hel"), True
        pieces = model.reply(ASK)
        assert await anext(pieces) == "Hel"
        with pytest.raises(BridgeError) as failed:
            await anext(pieces)
    assert (failed.value.code, failed.value.retryable) == ("connection_lost", True)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("begun", [True, False], ids=["in mid-reply", "before the first word"])
async def test_a_server_that_falls_silent(engine: str, begun: bool) -> None:
    async with opened(engine, between_s=0.05, answer_s=0.05) as (server, model):
        server.events, server.hold = server.begin("Hel") if begun else (), True
        assert (await failure(model)).code == "timeout"
        await asyncio.wait_for(server.left.wait(), 5)


@pytest.mark.parametrize("engine", ENGINES)
async def test_a_caller_who_interrupts_stops_the_server(engine: str) -> None:
    async with opened(engine) as (server, model):
        server.events, server.hold = server.begin("One"), True
        async with aclosing(_closable(model)) as pieces:
            assert await anext(pieces) == "One"
        await asyncio.wait_for(server.left.wait(), 5)


@pytest.mark.parametrize("engine", ENGINES)
async def test_a_caller_who_interrupts_before_the_first_word_stops_the_server(engine: str) -> None:
    async with opened(engine) as (server, model):
        server.hold = True
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(said(model))
            await asyncio.wait_for(server.asked.wait(), 5)
            asking.cancel()
        await asyncio.wait_for(server.left.wait(), 5)


@pytest.mark.parametrize("engine", ENGINES)
async def test_garbage_is_passed_over(engine: str) -> None:
    async with opened(engine) as (server, model):
        good = server.say("Hel", "lo.")
        server.events = [*GARBAGE.values(), *good[:2], *GARBAGE.values(), *good[2:]]
        assert texts(await said(model)) == "Hello."
        server.events = [*server.begin("Hel"), "data: " + "x" * (2 << 20)]
        assert (await failure(model)).code == "protocol_error"


@pytest.mark.parametrize("engine", ENGINES)
async def test_refusals(engine: str) -> None:
    expected = {401: "unauthorized", 429: "rate_limited", 500: "unavailable", 503: "unavailable", 529: "unavailable"}
    async with opened(engine) as (server, model):
        server.retry_after = "1000000000"  # absurd: nobody waits so long
        for status, code in expected.items():
            server.status = status
            if engine == "router":
                model._routes["one"].breaker._open_until = None  # type: ignore[attr-defined]
            assert (await failure(model)).code == code
        assert len(server.requests) == len(expected)


@pytest.mark.parametrize("engine", ENGINES)
async def test_a_server_that_is_busy_for_a_moment_is_asked_again(engine: str) -> None:
    async with opened(engine, attempts=2) as (server, model):
        server.statuses, server.events = [503], server.say("Here.")
        assert texts(await said(model)) == "Here."
        assert len(server.requests) == 2


async def test_a_server_that_keeps_failing_is_left_alone() -> None:
    async with opened("router") as (server, model):
        server.status = 500
        for _ in range(8):
            await failure(model)
        assert len(server.requests) == 5


def _closable(model: LanguageModel) -> Any:
    return model.reply(ASK)
