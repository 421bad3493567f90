"""Gemini's ``streamGenerateContent`` on loopback for tests: says a script, checks what it is asked.

Requests and chunks are validated with the types of the official SDK, which forbid fields that they do not know. Like
Gemini 3 it refuses a call in the history whose first part has no thought signature (``signs``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from google.genai import types
from pydantic import TypeAdapter

from tests.servers.sse_model import ModelServer

_BODY: dict[str, TypeAdapter[Any]] = {
    "contents": TypeAdapter(list[types.Content]),
    "systemInstruction": TypeAdapter(types.Content),
    "tools": TypeAdapter(list[types.Tool]),
    "toolConfig": TypeAdapter(types.ToolConfig),
    "generationConfig": TypeAdapter(types.GenerationConfig),
}
USAGE = {"promptTokenCount": 12, "candidatesTokenCount": 3, "thoughtsTokenCount": 4, "totalTokenCount": 19}


def chunk(*parts: dict[str, Any], finish: str | None = None, **told: Any) -> str:
    """Return one event as the reference writes it; ``told`` are fields beside the candidate."""
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return _event({"candidates": [candidate], "usageMetadata": USAGE, "modelVersion": "m", "responseId": "r", **told})


def blocked(reason: str) -> str:
    """Return the event of a question that is not answered."""
    return _event({"promptFeedback": {"blockReason": reason}, "usageMetadata": {"promptTokenCount": 12}})


def called(name: str, args: dict[str, Any], signature: str | None = None, call_id: str | None = None) -> dict[str, Any]:
    """Return the part that calls a function."""
    call = {"name": name, "args": args, **({"id": call_id} if call_id else {})}
    return {"functionCall": call, **({"thoughtSignature": signature} if signature else {})}


def _event(body: dict[str, Any]) -> str:
    types.GenerateContentResponse.model_validate_json(json.dumps(body))
    return f"data: {json.dumps(body)}\r\n\r\n"


@dataclass
class GeminiServer(ModelServer):
    """Generates content."""

    base = "/"
    routes = ("/v1beta/models/{call}",)

    signs: bool = True
    signatures: list[str | None] = field(default_factory=list)
    """Those of the calls in the last request."""

    @classmethod
    def say(cls, *pieces: str) -> list[str]:
        return [*(chunk({"text": piece}) for piece in pieces), chunk(finish="STOP")]

    @classmethod
    def begin(cls, piece: str) -> list[str]:
        return [chunk({"text": piece})]

    def checked(self, body: Any, request: web.Request) -> dict[str, Any]:
        assert request.match_info["call"].endswith(":streamGenerateContent")
        assert request.query["alt"] == "sse"
        assert not body.keys() - _BODY.keys(), "a field that the reference does not know"
        for name, value in body.items():
            _BODY[name].validate_json(json.dumps(value))
        self._check_turns(body["contents"])
        return dict(body)

    def _check_turns(self, contents: list[dict[str, Any]]) -> None:
        self.signatures.clear()
        assert contents[0]["role"] == contents[-1]["role"] == "user"
        for position, content in enumerate(contents):
            assert content["role"] == ("user", "model")[position % 2], "the turns alternate"
            assert content["parts"], "no content is empty"
            calls = [part for part in content["parts"] if "functionCall" in part]
            self.signatures += [part.get("thoughtSignature") for part in calls]
            if calls:
                assert calls[0].get("thoughtSignature") or not self.signs, "MISSING_THOUGHT_SIGNATURE"
                answers = [part["functionResponse"] for part in contents[position + 1]["parts"][: len(calls)]]
                asked = [part["functionCall"] for part in calls]
                assert [(a["id"], a["name"]) for a in answers] == [(a["id"], a["name"]) for a in asked]
