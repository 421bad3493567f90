"""The stream of an answer of Gemini's ``streamGenerateContent``. Pure.

Source: Gemini API reference, "GenerateContentResponse". Each event is a part of the answer, a call of a function comes
whole, and the connection's end is the answer's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from bridges.llm.failures import check_end, cut, mid_stream, refused
from bridges.llm.signatures import Signatures
from bridges.llm.wire import as_list, as_object, as_text, check_calls, count, read_object, used
from bridges.sse import Event
from mediaserver.clock import new_id
from mediaserver.items import Usage
from mediaserver.speech import Piece, ToolRequest

_LONGEST_SIGNATURE = 256 * 1024


class GeminiAnswer:
    """Collects one answer; satisfies :class:`bridges.llm.stream.Reading`. Signatures of calls are kept as they came."""

    def __init__(self, signatures: Signatures) -> None:
        self.over = False  # only the connection's end tells
        self._signatures = signatures
        self._ended = False
        self._calls: list[ToolRequest] = []
        self._counts: Mapping[str, Any] = {}

    def event(self, event: Event) -> str:
        """Return the text to speak now. Raises BridgeError for an error, a blocked question or an answer that is none."""
        told = read_object(event.data)
        if told.get("error"):
            raise mid_stream(told["error"])
        if reason := as_text(as_object(told.get("promptFeedback")).get("blockReason")):
            raise refused(reason)
        self._counts = as_object(told.get("usageMetadata")) or self._counts
        candidate = as_object(next(iter(as_list(told.get("candidates"))), None))
        text = "".join(
            self._part(as_object(part)) for part in as_list(as_object(candidate.get("content")).get("parts"))
        )
        reason = as_text(candidate.get("finishReason"))
        check_end(reason)
        self._ended = self._ended or bool(reason)
        return text

    def finish(self) -> Iterator[Piece]:
        """Give the calls and the usage. Raises BridgeError when the answer was cut."""
        if not self._ended:
            raise cut()
        yield from self._calls
        if self._counts:
            yield _usage(self._counts)

    def _part(self, part: Mapping[str, Any]) -> str:
        call = as_object(part.get("functionCall"))
        if name := as_text(call.get("name")):
            self._call(name, call, as_text(part.get("thoughtSignature")))
        return "" if part.get("thought") else as_text(part.get("text"))

    def _call(self, name: str, call: Mapping[str, Any], signature: str) -> None:
        arguments = json.dumps(as_object(call.get("args")))
        check_calls(len(self._calls) + 1, len(arguments))
        call_id = as_text(call.get("id")) or new_id("call")
        if signature and len(signature) <= _LONGEST_SIGNATURE:
            self._signatures.keep(call_id, signature)
        self._calls.append(ToolRequest(call_id, name, arguments))


def _usage(counts: Mapping[str, Any]) -> Usage:
    """Return the counts in our words: thinking is output that nobody hears."""
    read = count(counts, "promptTokenCount") + count(counts, "toolUsePromptTokenCount")
    thought = count(counts, "thoughtsTokenCount")
    written = count(counts, "candidatesTokenCount") + thought
    return used(read, written, cached=count(counts, "cachedContentTokenCount"), thinking=thought)
