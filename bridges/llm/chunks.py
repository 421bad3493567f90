"""The stream of a chat completion, read with the tolerance that servers need. Pure.

Source: OpenAI API reference, "Chat completion chunk"; quirks of Ollama, llama.cpp, vLLM, LM Studio, Groq and OpenRouter.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from bridges.llm.failures import check_end, mid_stream
from bridges.llm.thinking import Thinking
from bridges.llm.wire import as_list, as_object, as_text, check_calls, count, read_object, used
from bridges.sse import Event
from mediaserver.clock import new_id
from mediaserver.items import Usage
from mediaserver.speech import Piece, ToolRequest

_DONE = "[DONE]"


class _Call:
    """One tool call that grows."""

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.arguments = ""

    def grow(self, delta: Mapping[str, Any]) -> None:
        function = as_object(delta.get("function"))
        self.id = self.id or str(delta.get("id") or "")
        self.name = self.name or str(function.get("name") or "")
        more = function.get("arguments")
        # Some servers send the arguments as an object instead of its text.
        self.arguments += more if isinstance(more, str) else json.dumps(more) if isinstance(more, Mapping) else ""
        check_calls(1, len(self.arguments))


class Completion:
    """Collects one answer; satisfies :class:`bridges.llm.stream.Reading`.

    What a model thinks (``reasoning_content`` at xAI and llama.cpp, ``reasoning`` at Groq, Ollama and vLLM, ``<think>`` in
    its text) is not spoken.
    """

    def __init__(self) -> None:
        self._thinking = Thinking()
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._usage: Usage | None = None
        self.over = False

    def event(self, event: Event) -> str:
        """Return the text to speak now. Raises BridgeError for an error in the stream; nonsense is passed over."""
        if event.data.strip() == _DONE:
            self.over = True
            return ""
        chunk = read_object(event.data)
        self._fail(event, chunk)
        self._count(chunk.get("usage") or as_object(chunk.get("x_groq")).get("usage"))
        choice = as_object(next(iter(as_list(chunk.get("choices"))), None))
        text = self._delta(as_object(choice.get("delta")))
        check_end(as_text(choice.get("finish_reason")))
        return text

    def finish(self) -> Iterator[Piece]:
        """Give what is left when the stream has ended; servers need not say that it has."""
        if rest := self._thinking.flush():
            yield rest
        for call in self._calls:
            if call.name:
                yield ToolRequest(call.id or new_id("call"), call.name, call.arguments or "{}")
        if self._usage is not None:
            yield self._usage

    def _fail(self, event: Event, chunk: Mapping[str, Any]) -> None:
        """Raise for an error: most servers write ``error``, Groq also ``x_groq.error`` and events of that name."""
        error = chunk.get("error") or as_object(chunk.get("x_groq")).get("error")
        if error or event.name == "error":
            raise mid_stream(error or chunk or event.data)

    def _delta(self, delta: Mapping[str, Any]) -> str:
        for position, call in enumerate(as_list(delta.get("tool_calls"))):
            self._call(as_object(call), position).grow(as_object(call))
        return self._thinking.feed(as_text(delta.get("content")) or as_text(delta.get("refusal")))

    def _call(self, delta: Mapping[str, Any], position: int) -> _Call:
        """The call that a delta belongs to: by its index, unless a new id says that the server does not count."""
        index = delta.get("index")
        index = index if isinstance(index, int) else position
        known = self._by_index.get(index)
        name = delta.get("id")
        if known is not None and not (name and known.id and name != known.id):
            return known
        check_calls(len(self._calls) + 1, 0)
        self._by_index[index] = call = _Call()
        self._calls.append(call)
        return call

    def _count(self, told: Any) -> None:
        usage = as_object(told)
        if not usage:
            return
        read, written = count(usage, "prompt_tokens"), count(usage, "completion_tokens")
        thought = count(as_object(usage.get("completion_tokens_details")), "reasoning_tokens")
        if thought and count(usage, "total_tokens") == read + written + thought:
            written += thought  # xAI counts them beside its completion, the others within
        cached = count(as_object(usage.get("prompt_tokens_details")), "cached_tokens")
        self._usage = used(read, written, cached=cached, thinking=thought)
