"""The Responses API of OpenAI and xAI on loopback for tests, as :mod:`tests.servers.chat_completions` is the other one.

Requests and events are validated with the types of the official SDK, but for the names of xAI's own tools.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from openai.types.responses import ResponseStreamEvent
from openai.types.responses.response_create_params import ResponseCreateParamsStreaming
from pydantic import TypeAdapter

from tests.servers.sse_model import ModelServer

_REQUEST: TypeAdapter[Any] = TypeAdapter(ResponseCreateParamsStreaming)
_EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
_INPUT = {"cached_tokens": 4, "cache_write_tokens": 0}
USAGE = {
    "input_tokens": 12,
    "output_tokens": 7,
    "total_tokens": 19,
    "input_tokens_details": _INPUT,
    "output_tokens_details": {"reasoning_tokens": 3},
}


def event(kind: str, **told: Any) -> str:
    """Return one event as the reference writes it."""
    body = {"type": kind, "sequence_number": 1, **told}
    _EVENT.validate_python(body)
    return f"event: {kind}\ndata: {json.dumps(body)}\n\n"


def spoken(piece: str) -> str:
    """Return the event of some text."""
    return event(
        "response.output_text.delta", item_id="msg_1", output_index=0, content_index=0, delta=piece, logprobs=[]
    )


def called(name: str, arguments: str) -> str:
    """Return the event of a call of a function that is complete."""
    item = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": name, "arguments": arguments}
    return event("response.output_item.done", output_index=0, item={**item, "status": "completed"})


def end(kind: str = "response.completed", **told: Any) -> str:
    """Return the last event."""
    response = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "output": [], "tools": []}
    chosen = {"parallel_tool_calls": True, "tool_choice": "auto", "usage": USAGE}
    return event(kind, response={**response, **chosen, "status": kind.removeprefix("response."), **told})


@dataclass
class ResponsesServer(ModelServer):
    """Responds."""

    base = "/v1"
    routes = ("/v1/responses",)

    @classmethod
    def say(cls, *pieces: str) -> list[str]:
        return [*map(spoken, pieces), end()]

    @classmethod
    def begin(cls, piece: str) -> list[str]:
        return [spoken(piece)]

    def checked(self, body: Any, request: web.Request) -> dict[str, Any]:
        known = {*ResponseCreateParamsStreaming.__required_keys__, *ResponseCreateParamsStreaming.__optional_keys__}
        assert not body.keys() - known, "a field that the reference does not know"
        asked = copy.deepcopy(body)
        asked["tools"] = [tool for tool in body["tools"] if tool["type"] != "x_search"]
        _REQUEST.validate_python(asked)
        calls = {item["call_id"] for item in body["input"] if item["type"] == "function_call"}
        assert calls == {item["call_id"] for item in body["input"] if item["type"] == "function_call_output"}
        return dict(body)
