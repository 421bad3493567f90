"""A chat completions server on loopback for tests: says a script, checks what it is asked, notes when a client goes away.

Requests and chunks are validated with the types of the official SDK, so that the script cannot drift from the wire.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from openai.types.chat import ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
from pydantic import TypeAdapter

_REQUEST: TypeAdapter[Any] = TypeAdapter(CompletionCreateParamsStreaming)


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, usage: dict[str, int] | None = None) -> str:
    """Return one event as the API reference writes it; without ``delta`` it is the last one, with the usage."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
    body = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices}
    ChatCompletionChunk.model_validate({**body, "usage": usage})
    return f"data: {json.dumps({**body, 'usage': usage})}\n\n"


def text(*pieces: str) -> list[str]:
    """Return the events of a plain answer."""
    return [
        chunk({"role": "assistant", "content": ""}),
        *(chunk({"content": piece}) for piece in pieces),
        chunk({}, finish="stop"),
        chunk(usage={"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}),
        "data: [DONE]\n\n",
    ]


@dataclass
class ChatServer:
    """What it will say, and what it has seen."""

    base_url: str = ""
    events: Sequence[str] = ()
    status: int = 200
    error: dict[str, Any] | str | None = None
    hold: bool = False
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.keys.append(request.headers.get("Authorization"))
        self.requests.append(_REQUEST.validate_python(await request.json()))
        if self.status != 200:
            body = self.error if isinstance(self.error, str) else json.dumps({"error": self.error})
            return web.Response(status=self.status, text=body, content_type="application/json")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        try:
            for event in self.events:
                await response.write(event.encode())
            if self.hold:
                await asyncio.sleep(30)
        except (ConnectionError, asyncio.CancelledError):
            self.left.set()
            raise
        return response


@asynccontextmanager
async def chat_server(change: Callable[[ChatServer], None] = lambda server: None) -> AsyncIterator[ChatServer]:
    """Run the server on a free port of 127.0.0.1."""
    server = ChatServer()
    change(server)
    app = web.Application()
    app.router.add_post("/v1/chat/completions", server.handle)
    test_server = TestServer(app)
    await test_server.start_server()
    try:
        server.base_url = str(test_server.make_url("/v1"))
        yield server
    finally:
        await test_server.close()
