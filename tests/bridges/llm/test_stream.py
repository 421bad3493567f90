"""The shell that all dialects share; what servers do to it is in test_faults.py."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from bridges.http import Http, Request, open_http
from bridges.llm.failures import WHO, said
from bridges.llm.stream import Limits, answer
from bridges.options import Remote
from bridges.sse import Event
from mediaserver.errors import BridgeError
from mediaserver.speech import Piece, ToolRequest
from tests.servers.chat_completions import ChatServer
from tests.servers.sse_model import model_server

ASK = Request("POST", "chat/completions", json={"model": "m", "messages": [], "stream": True})
SOON = Limits(5, 5)


class Echo:
    """A dialect: each event is its own text, ``end`` is the end."""

    def __init__(self) -> None:
        self.over = False

    def event(self, event: Event) -> str:
        self.over = event.data == "end"
        return event.data

    def finish(self) -> Iterator[Piece]:
        yield ToolRequest("c\ud800", "f", '"\ud800"')


@asynccontextmanager
async def server(change: Callable[[ChatServer], None]) -> AsyncIterator[tuple[ChatServer, Http]]:
    async with (
        model_server(ChatServer, change) as made,
        open_http(Remote(url=made.base_url), "", headers={}, who=WHO, said=said) as http,
    ):
        yield made, http


def says(*events: str, **told: Any) -> Callable[[ChatServer], None]:
    def change(made: ChatServer) -> None:
        made.events = [f"data: {event}\n\n" for event in events]
        for name, value in told.items():
            setattr(made, name, value)

    return change


async def test_nothing_after_the_end_is_read() -> None:
    async with server(says("a", "end", "more")) as (_, http):
        pieces = [piece async for piece in answer(http, ASK, Echo(), SOON)]
    assert pieces == ["a", "end", ToolRequest("c?", "f", '"?"')]


async def test_leaving_it_stops_the_far_end() -> None:
    async with server(says("a", hold=True)) as (made, http):
        async with aclosing(answer(http, ASK, Echo(), SOON)) as pieces:
            assert await anext(pieces) == "a"
        await asyncio.wait_for(made.left.wait(), 5)


@pytest.mark.parametrize("limits", [Limits(0.05, 5), Limits(5, 0.05)])
async def test_each_wait_has_its_own_limit(limits: Limits) -> None:
    events = () if limits.first_s < 1 else ("a",)
    async with server(says(*events, hold=True)) as (_, http):
        with pytest.raises(BridgeError) as failed:
            assert [piece async for piece in answer(http, ASK, Echo(), limits)] == []
    assert failed.value.code == "timeout"
