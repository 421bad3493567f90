"""The stream of a chat completion, read with the tolerance that servers need. Pure.

Source: OpenAI API reference, "Chat completion chunk"; quirks of Ollama, llama.cpp, vLLM, LM Studio, Groq and OpenRouter.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from bridges.llm.thinking import Thinking
from mediaserver.clock import new_id
from mediaserver.errors import BridgeError
from mediaserver.items import Usage
from mediaserver.speech import ToolRequest

_MOST_CALLS = 32
_LONGEST_ARGUMENTS = 100_000


class _Call:
    """One tool call that grows."""

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.arguments = ""

    def grow(self, delta: Mapping[str, Any]) -> None:
        function = _object(delta.get("function"))
        self.id = self.id or str(delta.get("id") or "")
        self.name = self.name or str(function.get("name") or "")
        more = function.get("arguments")
        # Some servers send the arguments as an object instead of its text.
        self.arguments += more if isinstance(more, str) else json.dumps(more) if isinstance(more, Mapping) else ""
        if len(self.arguments) > _LONGEST_ARGUMENTS:
            raise BridgeError("the language model wrote arguments that are too long", code="protocol_error")


class Completion:
    """Collects one answer: ``chunk`` returns the text to speak now; ``finish`` the rest, the tool calls and the usage."""

    def __init__(self) -> None:
        self._thinking = Thinking()
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._usage: Usage | None = None

    def chunk(self, data: str) -> str:
        """Take the data of one event. Raises BridgeError for an error in the stream; what cannot be read is passed over."""
        try:
            chunk = _object(json.loads(data))
        except ValueError:
            return ""
        if chunk.get("error"):
            raise mid_stream_error(chunk["error"])
        self._count(chunk.get("usage") or _object(chunk.get("x_groq")).get("usage"))
        choices = chunk.get("choices")
        choice = _object(choices[0]) if isinstance(choices, list) and choices else {}
        return self._delta(_object(choice.get("delta")))

    def finish(self) -> Iterator[str | ToolRequest | Usage]:
        """Give what is left when the stream has ended."""
        if rest := self._thinking.flush():
            yield rest
        for call in self._calls:
            if call.name:
                yield ToolRequest(call.id or new_id("call"), call.name, call.arguments or "{}")
        if self._usage is not None:
            yield self._usage

    def _delta(self, delta: Mapping[str, Any]) -> str:
        calls = delta.get("tool_calls")
        for position, call in enumerate(calls if isinstance(calls, list) else ()):
            self._call(_object(call), position).grow(_object(call))
        content = delta.get("content") or delta.get("refusal")
        return self._thinking.feed(content) if isinstance(content, str) else ""

    def _call(self, delta: Mapping[str, Any], position: int) -> _Call:
        """The call that a delta belongs to: by its index, unless a new id says that the server does not count."""
        index = delta.get("index")
        index = index if isinstance(index, int) else position
        known = self._by_index.get(index)
        name = delta.get("id")
        if known is not None and not (name and known.id and name != known.id):
            return known
        if len(self._calls) >= _MOST_CALLS:
            raise BridgeError("the language model asked for too many functions", code="protocol_error")
        self._by_index[index] = call = _Call()
        self._calls.append(call)
        return call

    def _count(self, usage: Any) -> None:
        if isinstance(usage, Mapping):
            read, written = _number(usage, "prompt_tokens"), _number(usage, "completion_tokens")
            cached = _number(_object(usage.get("prompt_tokens_details")), "cached_tokens")
            self._usage = Usage(
                input_tokens=read,
                output_tokens=written,
                input_text_tokens=read,
                output_text_tokens=written,
                cached_tokens=cached,
                source="provider",
            )


def mid_stream_error(error: Any) -> BridgeError:
    """Return what an ``error`` object in the stream means."""
    said = _object(error)
    code = str(said.get("code") or said.get("type") or "provider_error")
    return BridgeError(f"the language model failed: {str(said.get('message') or error)[:300]}", code=code)


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(usage: Mapping[str, Any], name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) and value > 0 else 0
