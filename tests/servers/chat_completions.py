"""A chat completions server on loopback for tests: says a script, checks what it is asked, notes when a client goes away.

Requests and chunks are validated with the types of the official SDK, so that the script cannot drift from the wire. It is
OpenAI's address and both of Azure's; what other servers write differently is in ``extra`` of :func:`chunk`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from openai.types.chat import ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
from pydantic import TypeAdapter

from tests.servers.sse_model import ModelServer, model_server

_REQUEST: TypeAdapter[Any] = TypeAdapter(CompletionCreateParamsStreaming)
USAGE = {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}


def chunk(
    delta: dict[str, Any] | None = None, finish: str | None = None, usage: dict[str, Any] | None = None, **extra: Any
) -> str:
    """Return one event as the API reference writes it; without ``delta`` it is the last one, with the usage."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
    body = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices}
    ChatCompletionChunk.model_validate({**body, "usage": usage})
    return f"data: {json.dumps({**body, 'usage': usage, **extra})}\n\n"


def text(*pieces: str) -> list[str]:
    """Return the events of a plain answer."""
    return [
        chunk({"role": "assistant", "content": ""}),
        *(chunk({"content": piece}) for piece in pieces),
        chunk({}, finish="stop"),
        chunk(usage=USAGE),
        "data: [DONE]\n\n",
    ]


@dataclass
class ChatServer(ModelServer):
    """Says chat completions."""

    base = "/v1"
    routes = (
        "/v1/chat/completions",
        "/openai/v1/chat/completions",
        "/openai/deployments/{deployment}/chat/completions",
    )

    @classmethod
    def say(cls, *pieces: str) -> list[str]:
        return text(*pieces)

    @classmethod
    def begin(cls, piece: str) -> list[str]:
        return [chunk({"content": piece})]

    @property
    def host(self) -> str:
        """The address without the version, as Azure's resources have it."""
        return self.base_url.removesuffix("/v1")

    @property
    def keys(self) -> list[str | None]:
        """The bearer of each request."""
        return [each.get("Authorization") for each in self.headers]

    def checked(self, body: Any, request: web.Request) -> dict[str, Any]:
        checked: dict[str, Any] = _REQUEST.validate_python(body)
        return {**body, **checked}


def chat_server(
    change: Callable[[ChatServer], None] = lambda server: None,
) -> AbstractAsyncContextManager[ChatServer]:
    """Run the server on a free port of 127.0.0.1."""
    return model_server(ChatServer, change)
