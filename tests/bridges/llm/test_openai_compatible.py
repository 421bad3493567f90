import asyncio
import json
from contextlib import aclosing
from typing import Any

import pytest

from bridges.llm.openai_compatible import open_chat
from bridges.options import OpenAICompatible
from mediaserver.errors import BridgeError
from mediaserver.items import Usage
from mediaserver.settings import Tool
from mediaserver.speech import Message, ToolRequest
from tests.servers.chat_completions import ChatServer, chat_server, chunk, text

ASK = [Message("system", "be brief"), Message("user", "hello")]
WEATHER = Tool("get_weather", "Weather", {"type": "object", "properties": {"city": {"type": "string"}}})


async def answer(server: ChatServer, messages: list[Message] = ASK, **options: Any) -> list[str | ToolRequest | Usage]:
    chosen = OpenAICompatible(base_url=server.base_url, model="m", key="sk-1", **options.pop("chosen", {}))
    async with open_chat(chosen) as model:
        return [piece async for piece in model.reply(messages, **options)]


async def test_streams_text_and_the_usage_last() -> None:
    async with chat_server() as server:
        server.events = text("Hel", "lo.")
        pieces = await answer(server, max_tokens=50, temperature=0.2)
    assert pieces[:2] == ["Hel", "lo."]
    assert pieces[2] == Usage(
        input_tokens=12, output_tokens=3, input_text_tokens=12, output_text_tokens=3, source="provider"
    )
    asked = server.requests[0]
    assert (asked["max_completion_tokens"], asked["temperature"], asked["stream"]) == (50, 0.2, True)
    assert [dict(message) for message in asked["messages"]][1] == {"role": "user", "content": "hello"}
    assert server.keys == ["Bearer sk-1"]


async def test_collects_tool_calls_by_index_and_sends_their_history() -> None:
    history = [
        *ASK,
        Message("assistant", calls=(ToolRequest("call_0", "get_weather", "{}"),)),
        Message("tool", "rain", call_id="call_0"),
    ]
    first = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": ""}}
    more = [{"index": 0, "function": {"arguments": part}} for part in ('{"ci', 'ty":"Oslo"}')]
    async with chat_server() as server:
        server.events = [chunk({"tool_calls": [first]}), *(chunk({"tool_calls": [part]}) for part in more)]
        pieces = await answer(server, history, tools=[WEATHER], tool_choice="get_weather")
    assert pieces == [ToolRequest("call_1", "get_weather", '{"city":"Oslo"}')]
    assert server.requests[0]["tool_choice"]["function"]["name"] == "get_weather"


async def test_closing_the_iterator_closes_the_request() -> None:
    async with chat_server() as server:
        server.events, server.hold = [chunk({"content": "One"})], True
        chosen = OpenAICompatible(base_url=server.base_url, model="m")
        async with open_chat(chosen) as model, aclosing(model.reply(ASK)) as pieces:
            assert await anext(pieces) == "One"
        await asyncio.wait_for(server.left.wait(), 5)


@pytest.mark.parametrize(
    ("status", "error", "code", "retryable"),
    [
        (400, {"message": "bad", "code": None}, "invalid_request", False),
        (401, {"message": "no", "code": "invalid_api_key"}, "invalid_api_key", False),
        (404, {"message": "which?"}, "model_not_found", False),
        (429, {"message": "slow down"}, "rate_limit_exceeded", True),
        (429, {"message": "pay", "code": "insufficient_quota"}, "insufficient_quota", False),
        (503, {"code": 503, "message": "Loading model", "type": "unavailable_error"}, "provider_error", True),
        (502, "<html>", "provider_error", True),
        (418, "", "provider_error", False),
    ],
)
async def test_says_whether_another_try_can_help(status: int, error: Any, code: str, retryable: bool) -> None:
    async with chat_server() as server:
        server.status, server.error = status, error
        with pytest.raises(BridgeError) as failed:
            await answer(server)
    assert (failed.value.code, failed.value.retryable) == (code, retryable)
    assert "sk-1" not in str(failed.value)


async def test_an_error_in_the_stream_fails_the_answer() -> None:
    async with chat_server() as server:
        server.events = [chunk({"content": "Hi"}), f"data: {json.dumps({'error': {'message': 'overloaded'}})}\n\n"]
        with pytest.raises(BridgeError, match="overloaded"):
            await answer(server)


async def test_a_silent_server_is_given_up() -> None:
    async with chat_server() as server:
        server.events, server.hold = [chunk({"content": "One"})], True
        with pytest.raises(BridgeError) as failed:
            await answer(server, chosen={"between_tokens_s": 0.05})
    assert failed.value.code == "llm_timeout"


async def test_an_absent_server_is_a_failure_that_names_no_address() -> None:
    async with open_chat(OpenAICompatible(base_url="http://127.0.0.1:1/v1", model="m")) as model:
        with pytest.raises(BridgeError) as failed:
            await anext(model.reply(ASK))
    assert failed.value.retryable
    assert "127.0.0.1" not in str(failed.value)
