"""Anthropic's Messages API on loopback for tests: says a script, checks what it is asked.

Requests and events are validated with the types of the official SDK; what its types cannot tell (turns that alternate,
every call answered first thing in the next message) is checked as the reference writes it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from anthropic.types import RawMessageStreamEvent
from anthropic.types.message_create_params import MessageCreateParamsStreaming
from pydantic import TypeAdapter

from tests.servers.sse_model import ModelServer

_REQUEST: TypeAdapter[Any] = TypeAdapter(MessageCreateParamsStreaming)
_EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)


def event(kind: str, **told: Any) -> str:
    """Return one event as the reference writes it."""
    body = {"type": kind, **told}
    if kind not in ("ping", "error"):
        _EVENT.validate_python(body)
    return f"event: {kind}\ndata: {json.dumps(body)}\n\n"


def start(**usage: int) -> str:
    """Return the first event of an answer."""
    counts = {"input_tokens": 25, "output_tokens": 1, **usage}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "content": [], "model": "m", "usage": counts}
    return event("message_start", message={**message, "stop_reason": None, "stop_sequence": None})


def block(index: int, kind: str, deltas: list[dict[str, Any]], **told: Any) -> list[str]:
    """Return the events of one content block."""
    empty = {"text": ""} if kind == "text" else {"input": {}} if kind == "tool_use" else {}
    return [
        event("content_block_start", index=index, content_block={"type": kind, **empty, **told}),
        *(event("content_block_delta", index=index, delta=delta) for delta in deltas),
        event("content_block_stop", index=index),
    ]


def spoken(*pieces: str, index: int = 0) -> list[str]:
    """Return the events of a block of text."""
    return block(index, "text", [{"type": "text_delta", "text": piece} for piece in pieces])


def called(index: int, name: str, *parts: str) -> list[str]:
    """Return the events of a call of a function."""
    deltas = [{"type": "input_json_delta", "partial_json": part} for part in parts]
    return block(index, "tool_use", deltas, id=f"toolu_{index}", name=name)


def end(reason: str = "end_turn", **usage: int) -> list[str]:
    """Return the last events."""
    delta = {"stop_reason": reason, "stop_sequence": None}
    return [event("message_delta", delta=delta, usage={"output_tokens": 15, **usage}), event("message_stop")]


@dataclass
class AnthropicServer(ModelServer):
    """Says messages."""

    base = "/v1"
    routes = ("/v1/messages",)

    @classmethod
    def say(cls, *pieces: str) -> list[str]:
        return [start(), event("ping"), *spoken(*pieces), *end()]

    @classmethod
    def begin(cls, piece: str) -> list[str]:
        return [start(), *spoken(piece)[:2]]

    def checked(self, body: Any, request: web.Request) -> dict[str, Any]:
        assert request.headers["anthropic-version"]
        known = {*MessageCreateParamsStreaming.__required_keys__, *MessageCreateParamsStreaming.__optional_keys__}
        assert not body.keys() - known, "a field that the reference does not know"
        _REQUEST.validate_python(body)
        _check_turns(body["messages"])
        return dict(body)


def _check_turns(messages: list[dict[str, Any]]) -> None:
    assert messages[0]["role"] == messages[-1]["role"] == "user"
    open_calls: list[str] = []
    for position, message in enumerate(messages):
        assert message["role"] == ("user", "assistant")[position % 2], "the turns alternate"
        assert message["content"], "no message is empty"
        answered = [each["tool_use_id"] for each in message["content"] if each["type"] == "tool_result"]
        assert sorted(answered) == sorted(open_calls), "every call is answered in the next message"
        assert [each["type"] for each in message["content"][: len(answered)]] == ["tool_result"] * len(answered)
        open_calls = [each["id"] for each in message["content"] if each["type"] == "tool_use"]
