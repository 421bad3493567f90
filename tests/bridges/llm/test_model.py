"""What all models behind HTTP share; each dialect has tests of its own."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

from bridges.http import Request, open_http
from bridges.llm.chunks import Completion
from bridges.llm.failures import WHO, said
from bridges.llm.model import HttpModel
from bridges.llm.stream import Limits
from bridges.options import Remote
from mediaserver.speech import Message, Terms
from tests.servers.chat_completions import ChatServer, chat_server, chunk, text

ASK = (Message("user", "hello"),)


@asynccontextmanager
async def opened(server: ChatServer) -> AsyncIterator[HttpModel]:
    def write(messages: Sequence[Message], terms: Terms) -> Request:
        told = [{"role": each.role, "content": each.text} for each in messages]
        asked = {"model": "m", "stream": True, "messages": told, "temperature": terms.temperature}
        return Request("POST", "chat/completions", json=asked)

    async with open_http(Remote(url=server.base_url), "", headers={}, who=WHO, said=said) as http:
        yield HttpModel(http, Limits(5, 5), write, Completion)


async def test_every_answer_is_asked_for_and_read_anew() -> None:
    async with chat_server() as server, opened(server) as model:
        server.events = text("Hel", "lo.")
        await model.warm()
        for heat in (0.1, 0.2):
            pieces = [piece async for piece in model.reply(ASK, Terms(temperature=heat))]
            assert pieces[:2] == ["Hel", "lo."] and len(pieces) == 3
    assert [asked["temperature"] for asked in server.requests] == [0.1, 0.2]
    assert len(set(server.peers)) == 1


async def test_closing_the_iterator_closes_the_request() -> None:
    async with chat_server() as server, opened(server) as model:
        server.events, server.hold = [chunk({"content": "One"})], True
        async with aclosing(model.reply(ASK)) as pieces:
            assert await anext(pieces) == "One"
        await asyncio.wait_for(server.left.wait(), 5)
