from collections.abc import Sequence
from typing import Any

import anthropic
import pytest

from bridges.llm.anthropic import open_anthropic
from bridges.llm.options import Anthropic
from mediaserver.settings import Tool
from mediaserver.speech import Message, Piece, Terms, ToolRequest
from tests.servers.anthropic_messages import AnthropicServer, called, end, start
from tests.servers.sse_model import model_server

HELLO = (Message("system", "be brief"), Message("user", "hello"))
WEATHER = Tool("get_weather", "Weather", {"type": "object", "properties": {"city": {"type": "string"}}})


async def answer(server: AnthropicServer, messages: Sequence[Message], **options: Any) -> list[Piece]:
    async with open_anthropic(Anthropic(model="claude-haiku-4-5", url=server.base_url, key="k")) as model:
        return [piece async for piece in model.reply(messages, Terms(**options))]


async def test_a_call_and_its_answer() -> None:
    async with model_server(AnthropicServer) as server:
        server.events = [start(), *called(0, "get_weather", '{"city":"Oslo"}'), *end("tool_use")]
        (call, _) = await answer(server, HELLO, tools=[WEATHER], temperature=0.4)
        assert isinstance(call, ToolRequest)
        server.events = AnthropicServer.say("It rains.")
        history = [*HELLO, Message("assistant", calls=(call,)), Message("tool", "rain", call_id=call.call_id)]
        pieces = await answer(server, history, tools=[WEATHER])
    assert pieces[0] == "It rains."
    assert server.headers[0]["x-api-key"] == "k"
    assert server.requests[1]["messages"][1]["content"][0]["input"] == {"city": "Oslo"}
    assert server.requests[0]["system"][0]["text"] == "be brief"


async def test_a_greeting_has_somebody_to_greet() -> None:
    async with model_server(AnthropicServer) as server:
        server.events = AnthropicServer.say("Hello!")
        assert (await answer(server, HELLO[:1]))[0] == "Hello!"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_the_official_client_understands_the_simulator() -> None:
    async with model_server(AnthropicServer) as server:
        server.events = AnthropicServer.say("Hello", "!")
        async with anthropic.AsyncAnthropic(api_key="k", base_url=server.base_url.removesuffix("/v1")) as client:
            asked: Any = {
                "model": "m",
                "max_tokens": 9,
                "messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}],
            }
            async with client.messages.stream(**asked) as stream:
                assert [text async for text in stream.text_stream] == ["Hello", "!"]
