"""The stream of a response. Pure. Source: OpenAI API reference, "Streaming events" of responses; xAI writes the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bridges.llm.citations import Citations
from bridges.llm.failures import check_end, cut, mid_stream
from bridges.llm.wire import as_object, as_text, check_calls, count, read_object, used
from bridges.sse import Event
from mediaserver.clock import new_id
from mediaserver.items import Usage
from mediaserver.speech import Piece, ToolRequest


class ResponseAnswer:
    """Collects one answer; satisfies :class:`bridges.llm.stream.Reading`. Only its text is spoken, without its sources."""

    def __init__(self) -> None:
        self.over = False
        self._citations = Citations()
        self._calls: list[ToolRequest] = []
        self._usage: Mapping[str, Any] = {}
        self._takers: dict[str, Callable[[Mapping[str, Any]], str]] = {
            "response.output_text.delta": self._said,
            "response.refusal.delta": self._said,
            "response.output_item.done": self._item,
            "response.completed": self._ended,
            "response.incomplete": self._ended,
            "response.failed": self._failed,
            "error": self._failed,
        }

    def event(self, event: Event) -> str:
        """Return the text to speak now. Raises BridgeError for a response that failed or is filtered."""
        told = read_object(event.data)
        taker = self._takers.get(as_text(told.get("type")) or event.name)
        return taker(told) if taker is not None else ""

    def finish(self) -> Iterator[Piece]:
        """Give the calls and the usage. Raises BridgeError when the answer was cut."""
        if not self.over:
            raise cut()
        if rest := self._citations.flush():
            yield rest
        yield from self._calls
        if self._usage:
            yield self._counted()

    def _said(self, told: Mapping[str, Any]) -> str:
        return self._citations.feed(as_text(told.get("delta")))

    def _item(self, told: Mapping[str, Any]) -> str:
        item = as_object(told.get("item"))
        if item.get("type") == "function_call" and (name := as_text(item.get("name"))):
            arguments = as_text(item.get("arguments")) or "{}"
            check_calls(len(self._calls) + 1, len(arguments))
            self._calls.append(ToolRequest(as_text(item.get("call_id")) or new_id("call"), name, arguments))
        return ""

    def _ended(self, told: Mapping[str, Any]) -> str:
        response = as_object(told.get("response"))
        check_end(as_text(as_object(response.get("incomplete_details")).get("reason")))
        self._usage = as_object(response.get("usage"))
        self.over = True
        return ""

    def _failed(self, told: Mapping[str, Any]) -> str:
        raise mid_stream(as_object(told.get("response")).get("error") or told.get("error") or told)

    def _counted(self) -> Usage:
        read, written = count(self._usage, "input_tokens"), count(self._usage, "output_tokens")
        cached = count(as_object(self._usage.get("input_tokens_details")), "cached_tokens")
        thought = count(as_object(self._usage.get("output_tokens_details")), "reasoning_tokens")
        return used(read, written, cached=cached, thinking=thought)
