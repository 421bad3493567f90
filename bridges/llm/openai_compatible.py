"""Any language model behind ``POST {base_url}/chat/completions``, streamed.

Source: OpenAI API reference, "Chat completions"; spoken alike by Ollama, llama.cpp, vLLM, LM Studio, Groq, xAI and others.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any, cast

import httpx

from bridges.llm.chunks import Completion
from bridges.llm.sse import EventData
from bridges.options import OpenAICompatible
from mediaserver.errors import BridgeError
from mediaserver.items import Usage
from mediaserver.settings import Tool
from mediaserver.speech import Message, ToolRequest

_CONNECTIONS = httpx.Limits(max_connections=200, max_keepalive_connections=20, keepalive_expiry=60)
_ERROR_BYTES = 20_000
_DRAIN_S = 0.5
_TURNS = 4

_STATUS: dict[int, tuple[str, bool]] = {
    400: ("invalid_request", False),
    401: ("invalid_api_key", False),
    402: ("insufficient_quota", False),
    403: ("permission_denied", False),
    404: ("model_not_found", False),
    408: ("timeout", True),
    409: ("conflict", True),
    413: ("context_length_exceeded", False),
    422: ("invalid_request", False),
    429: ("rate_limit_exceeded", True),
}
"""Code and whether another try can help; other 4xx cannot, 5xx (503: model is loading) can."""
_NEVER_RETRIED = frozenset({"insufficient_quota", "billing_hard_limit_reached", "context_length_exceeded"})


class OpenAICompatibleModel:
    """Satisfies :class:`mediaserver.speech.LanguageModel`; closing the iterator closes the request: the far end stops."""

    def __init__(self, client: httpx.AsyncClient, chosen: OpenAICompatible) -> None:
        self._client = client
        self._chosen = chosen

    async def reply(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[Tool] = (),
        tool_choice: str = "auto",
        max_tokens: int | None = None,
        temperature: float | None = None,
    ) -> AsyncGenerator[str | ToolRequest | Usage, None]:
        """Yield the answer as it is written. Raises BridgeError."""
        body = {
            **_body(self._chosen.model, messages, tools, tool_choice),
            **({} if max_tokens is None else {self._chosen.max_tokens_field: max_tokens}),
            **({} if temperature is None else {"temperature": temperature}),
            **self._chosen.extra,
        }
        try:
            async with aclosing(self._stream(body)) as pieces:
                async for piece in pieces:
                    yield piece
        except (httpx.TimeoutException, TimeoutError) as late:
            raise BridgeError("the language model did not answer in time", code="llm_timeout") from late
        except httpx.HTTPError as broken:
            # Its text may name the server; the class is enough for the caller.
            name = type(broken).__name__
            raise BridgeError(f"the language model cannot be reached ({name})", code="llm_unreachable") from broken

    async def _stream(self, body: dict[str, Any]) -> AsyncGenerator[str | ToolRequest | Usage, None]:
        async with self._client.stream("POST", "chat/completions", json=body) as response:
            if response.status_code != 200:
                raise await _refusal(response)
            completion, events = Completion(), EventData()
            async with aclosing(_data(response, events, self._chosen.between_tokens_s)) as lines:
                async for data in lines:
                    if text := completion.chunk(data):
                        yield text
            for rest in completion.finish():
                yield rest


async def _data(response: httpx.Response, events: EventData, limit_s: float) -> AsyncGenerator[str, None]:
    """Yield the data of each event up to ``[DONE]``, or to the end where a server does not say it."""
    async with aclosing(_timely(response, limit_s)) as pieces:
        async for received in pieces:
            for data in events.feed(received):
                if data.strip() == "[DONE]":
                    await _drain(pieces)
                    return
                yield data
    for data in events.finish():
        if data.strip() != "[DONE]":
            yield data


async def _drain(pieces: AsyncGenerator[bytes, None]) -> None:
    """Read the end of the body, which should be there: only then the connection can be used again."""
    with suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(_DRAIN_S):
            async for _ in pieces:
                continue


async def _timely(response: httpx.Response, limit_s: float) -> AsyncGenerator[bytes, None]:
    """Yield what comes; the wait for the first bytes is the client's read timeout, later ones have ``limit_s`` each."""
    async with aclosing(cast(AsyncGenerator[bytes, None], response.aiter_bytes())) as pieces:
        piece = await anext(pieces, b"")
        while piece:
            yield piece
            async with asyncio.timeout(limit_s):
                piece = await anext(pieces, b"")


async def _refusal(response: httpx.Response) -> BridgeError:
    body = b""
    async for received in response.aiter_bytes():
        body += received
        if len(body) > _ERROR_BYTES:
            break
    status = response.status_code
    code, retryable = _STATUS.get(status, ("provider_error", status >= 500))
    said, message = _error(body)
    code = said or code
    return BridgeError(
        f"the language model refused ({status}): {message}".rstrip(": "),
        code=code,
        retryable=retryable and code not in _NEVER_RETRIED,
    )


def _error(body: bytes) -> tuple[str, str]:
    """The code and message of ``{"error": {…}}``, where the body has that form."""
    try:
        error = json.loads(body)["error"]
        code = error.get("code")
        return code if isinstance(code, str) else "", str(error.get("message", ""))[:300]
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", ""


def _body(model: str, messages: Sequence[Message], tools: Sequence[Tool], choice: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": model,
        "messages": [_message(message) for message in messages],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if tools:
        body["tools"] = [_tool(tool) for tool in tools]
        body["tool_choice"] = choice if choice in _CHOICES else {"type": "function", "function": {"name": choice}}
    return body


_CHOICES = frozenset({"auto", "none", "required"})


def _tool(tool: Tool) -> dict[str, Any]:
    parameters = dict(tool.parameters) or {"type": "object", "properties": {}}
    return {
        "type": "function",
        "function": {"name": tool.name, "description": tool.description, "parameters": parameters},
    }


def _message(message: Message) -> dict[str, Any]:
    written: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.calls:
        written["content"] = message.text or None
        written["tool_calls"] = [
            {"id": call.call_id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.calls
        ]
    if message.role == "tool":
        written["tool_call_id"] = message.call_id
    return written


@asynccontextmanager
async def open_chat(chosen: OpenAICompatible) -> AsyncIterator[OpenAICompatibleModel]:
    """Open the connections to a chat server; they are kept alive between answers and closed with the context."""
    headers = {"Authorization": f"Bearer {chosen.key}"} if chosen.key else {}
    timeout = httpx.Timeout(
        connect=chosen.connect_s,
        read=max(chosen.first_token_s, chosen.between_tokens_s),
        write=10.0,
        pool=chosen.connect_s,
    )
    base = chosen.base_url.rstrip("/") + "/"
    async with httpx.AsyncClient(
        base_url=base, headers=headers, timeout=timeout, limits=_CONNECTIONS, trust_env=False
    ) as client:
        try:
            yield OpenAICompatibleModel(client, chosen)
        finally:
            for _ in range(
                _TURNS
            ):  # httpx's nested generators of an answer that was cut close in later turns of the loop
                await asyncio.sleep(0)
