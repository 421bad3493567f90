"""The stream of an answer of Anthropic's Messages API. Pure. Source: Anthropic API reference, "Streaming messages"."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bridges.llm.failures import check_end, cut, mid_stream
from bridges.llm.wire import as_object, as_text, check_calls, count, read_object, used
from bridges.sse import Event
from mediaserver.clock import new_id
from mediaserver.items import Usage
from mediaserver.speech import Piece, ToolRequest


class AnthropicAnswer:
    """Collects one answer; satisfies :class:`bridges.llm.stream.Reading`. Thoughts and citations are not spoken."""

    def __init__(self) -> None:
        self.over = False
        self._ended = False
        self._calls: dict[int, ToolRequest] = {}
        self._counts: dict[str, Any] = {}
        self._takers: dict[str, Callable[[Mapping[str, Any]], str]] = {
            "message_start": self._started,
            "content_block_start": self._block,
            "content_block_delta": self._delta,
            "message_delta": self._ending,
            "message_stop": self._stopped,
            "error": self._failed,
        }

    def event(self, event: Event) -> str:
        """Return the text to speak now. Raises BridgeError for an error in the stream or a refusal."""
        told = read_object(event.data)
        taker = self._takers.get(as_text(told.get("type")) or event.name)
        return taker(told) if taker is not None else ""

    def finish(self) -> Iterator[Piece]:
        """Give the calls and the usage. Raises BridgeError when the answer was cut."""
        if not self._ended:
            raise cut()
        for call in self._calls.values():
            yield call if call.arguments.strip() else ToolRequest(call.call_id, call.name, "{}")
        yield self._usage()

    def _started(self, told: Mapping[str, Any]) -> str:
        self._counts.update(as_object(as_object(told.get("message")).get("usage")))
        return ""

    def _block(self, told: Mapping[str, Any]) -> str:
        block = as_object(told.get("content_block"))
        if block.get("type") == "tool_use" and (name := as_text(block.get("name"))):
            check_calls(len(self._calls) + 1, 0)
            self._calls[count(told, "index")] = ToolRequest(as_text(block.get("id")) or new_id("call"), name, "")
        return as_text(block.get("text")) if block.get("type") == "text" else ""

    def _delta(self, told: Mapping[str, Any]) -> str:
        delta = as_object(told.get("delta"))
        if delta.get("type") == "input_json_delta":
            self._grow(count(told, "index"), as_text(delta.get("partial_json")))
        return as_text(delta.get("text")) if delta.get("type") == "text_delta" else ""

    def _grow(self, index: int, more: str) -> None:
        if call := self._calls.get(index):
            check_calls(len(self._calls), len(call.arguments) + len(more))
            self._calls[index] = ToolRequest(call.call_id, call.name, call.arguments + more)

    def _ending(self, told: Mapping[str, Any]) -> str:
        self._counts.update({name: value for name, value in as_object(told.get("usage")).items() if value is not None})
        reason = as_text(as_object(told.get("delta")).get("stop_reason"))
        check_end(reason)
        self._ended = self._ended or bool(reason)
        return ""

    def _stopped(self, told: Mapping[str, Any]) -> str:
        self.over = self._ended = True
        return ""

    def _failed(self, told: Mapping[str, Any]) -> str:
        raise mid_stream(told.get("error"))

    def _usage(self) -> Usage:
        """Return the counts in our words: what was read from the cache and written to it is input too."""
        cached = count(self._counts, "cache_read_input_tokens")
        read = count(self._counts, "input_tokens") + count(self._counts, "cache_creation_input_tokens") + cached
        written = count(self._counts, "output_tokens")
        thought = count(as_object(self._counts.get("output_tokens_details")), "thinking_tokens")
        return used(read, written, cached=cached, thinking=thought)
