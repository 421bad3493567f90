import asyncio
import json
from contextlib import aclosing
from typing import Any

import pytest

from bridges.llm import options as models
from bridges.llm.openai_compatible import open_chat
from bridges.options import OpenAICompatible
from mediaserver.errors import BridgeError
from mediaserver.items import Usage
from mediaserver.settings import Tool
from mediaserver.speech import Message, Piece, Terms, ToolRequest
from tests.servers.chat_completions import USAGE, ChatServer, chat_server, chunk, text

ASK = [Message("system", "be brief"), Message("user", "hello")]
WEATHER = Tool("get_weather", "Weather", {"type": "object", "properties": {"city": {"type": "string"}}})


async def answer(server: ChatServer, messages: list[Message] = ASK, **options: Any) -> list[Piece]:
    chosen = OpenAICompatible(base_url=server.base_url, model="m", key="sk-1", **options.pop("chosen", {}))
    async with open_chat(chosen) as model:
        return [piece async for piece in model.reply(messages, Terms(**options))]


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
        (401, {"message": "no", "code": "invalid_api_key"}, "unauthorized", False),
        (400, {"message": "long", "code": "context_length_exceeded"}, "invalid_request", False),
        (404, {"message": "which?"}, "model_not_found", False),
        (429, {"message": "slow down"}, "rate_limited", True),
        (429, {"message": "pay", "code": "insufficient_quota"}, "insufficient_quota", False),
        (503, {"code": 503, "message": "Loading model", "type": "unavailable_error"}, "unavailable", True),
        (502, "<html>", "unavailable", True),
        (418, "", "refused", False),
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


@pytest.mark.parametrize(
    ("events", "limits"),
    [
        ([chunk({"content": "One"})], {"between_tokens_s": 0.05}),
        ([], {"first_token_s": 0.05, "between_tokens_s": 20}),
    ],
    ids=["in the middle", "before the first word"],
)
async def test_a_silent_server_is_given_up(events: list[str], limits: dict[str, float]) -> None:
    async with chat_server() as server:
        server.events, server.hold = events, True
        with pytest.raises(BridgeError) as failed:
            await answer(server, chosen=limits)
    assert failed.value.code == "timeout"


async def test_an_answer_that_is_read_to_its_end_leaves_the_connection_open() -> None:
    async with chat_server() as server:
        server.events = text("One.")
        chosen = OpenAICompatible(base_url=server.base_url, model="m")
        async with open_chat(chosen) as model:
            for _ in range(2):
                assert "One." in [piece async for piece in model.reply(ASK)]
    assert len(set(server.peers)) == 1


async def test_an_absent_server_is_a_failure_that_names_no_address() -> None:
    async with open_chat(OpenAICompatible(base_url="http://127.0.0.1:1/v1", model="m")) as model:
        with pytest.raises(BridgeError) as failed:
            await anext(model.reply(ASK))
    assert failed.value.retryable
    assert "127.0.0.1" not in str(failed.value)


async def said(chosen: models.Chat, **options: Any) -> list[Piece]:
    async with open_chat(chosen) as model:
        await model.warm()
        return [piece async for piece in model.reply(ASK, Terms(**options))]


@pytest.mark.parametrize(
    ("version", "path"),
    [
        ("", "/openai/v1/chat/completions"),
        ("2024-10-21", "/openai/deployments/d/chat/completions?api-version=2024-10-21"),
    ],
)
async def test_azure_is_asked_at_both_of_its_paths(version: str, path: str) -> None:
    async with chat_server() as server:
        # Azure's first chunk has no choices but what its filter says of the prompt.
        server.events = [chunk(prompt_filter_results=[{"prompt_index": 0}]), *text("Hi.")]
        pieces = await said(models.AzureChat(model="d", url=server.host, key="k", api_version=version))
    assert pieces[0] == "Hi."
    assert (server.paths, server.headers[0]["api-key"]) == ([path], "k")
    assert server.requests[0]["stream_options"]["include_obfuscation"] is False


async def test_groks_thoughts_are_not_spoken() -> None:
    async with chat_server() as server:
        thought = [chunk({"reasoning_content": "hm", "content": ""}), chunk({"reasoning_content": "so"})]
        server.events = [*thought, *text("Sunny."), chunk(usage=USAGE, citations=["https://x"], num_sources_used=1)]
        pieces = await said(models.XaiChat(model="grok-4.7", url=server.base_url, key="k"), temperature=0.3)
    assert [piece for piece in pieces if isinstance(piece, str)] == ["Sunny."]
    assert server.requests[0]["temperature"] == 0.3
    assert "include_obfuscation" not in server.requests[0]["stream_options"]


async def test_a_model_that_thinks_is_not_told_a_temperature() -> None:
    async with chat_server() as server:
        server.events = text("Hi.")
        chosen = models.OpenAIChat(model="gpt-5-mini", url=server.base_url, key="k", max_tokens=70)
        await said(chosen, temperature=0.3)
    assert "temperature" not in server.requests[0]
    assert server.requests[0]["max_completion_tokens"] == 70


async def test_groqs_usage_and_whole_calls() -> None:
    whole = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    last = chunk({}, finish="tool_calls", x_groq={"id": "req_1", "usage": {**USAGE, "queue_time": 0.1}})
    async with chat_server() as server:
        server.events = [chunk({"tool_calls": [whole]}, x_groq={"id": "req_1"}), last, "data: [DONE]\n\n"]
        pieces = await said(models.GroqChat(model="m", url=server.base_url), tools=[WEATHER])
    assert pieces[0] == ToolRequest("call_1", "get_weather", "{}")
    assert isinstance(pieces[1], Usage)
    assert pieces[1].input_tokens == 12
    assert server.keys == [None]


async def test_local_servers_write_in_their_own_ways() -> None:
    both = [{"index": 0, "id": name, "function": {"name": name, "arguments": {"x": 1}}} for name in ("f", "g")]
    async with chat_server() as server:
        server.events = [
            ": ping\r\n\r\n",
            'data: {"choices": [{"delta": {"reasoning": "hm"}}]}\r\n\r\n',
            f"data: {json.dumps({'choices': [{'delta': {'tool_calls': both}}]})}\r\n\r\n",
            'data: {"choices": [], "timings": {"prompt_ms": 3}, "usage": {"prompt_tokens": 4}}',
        ]
        pieces = await said(models.OllamaChat(model="m", url=server.base_url), max_tokens=20)
    assert [(piece.name, piece.arguments) for piece in pieces if isinstance(piece, ToolRequest)] == [
        ("f", '{"x": 1}'),
        ("g", '{"x": 1}'),
    ]
    assert (server.requests[0]["max_tokens"], server.keys) == (20, ["Bearer ollama"])
