"""One response as the contract tells it: its output items, their parts, and the order in which they open and close."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from mediaserver.events import ResponseCreated, ResponseDone
from mediaserver.items import Item, Part, Status, Usage
from signaling.realtime.items import write_item

Say = Callable[..., None]
"""Writes one server event: its type, then its fields."""

_REASONS = frozenset({"turn_detected", "client_cancelled", "max_output_tokens", "content_filter"})


@dataclass(slots=True)
class Output:
    """One output item while it is being made; ``written`` collects what was said of it."""

    item: Item
    index: int
    written: str = ""
    part_open: bool = False
    text_done: bool = False
    sound_done: bool = False
    done: bool = False


@dataclass(slots=True)
class Reply:
    """One response, from ``response.created`` to ``response.done``."""

    made: ResponseCreated
    say: Say
    conversation_id: str | None
    max_output_tokens: int | None = None
    output_format: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Output] = field(default_factory=dict)

    @property
    def audible(self) -> bool:
        """Whether the answer is spoken; what is written is then its transcript."""
        return "audio" in self.made.modalities

    def begin(self) -> None:
        """Say ``response.created``."""
        self.say("response.created", response=self._written("in_progress", None, None))

    def output(self, item: Item) -> Output:
        """Return the item's entry; one that is new is announced first (``response.output_item.added``)."""
        known = self.outputs.get(item.id)
        if known is None:
            known = self.outputs[item.id] = Output(item, len(self.outputs))
            fresh = replace(item, parts=(), arguments="", status="in_progress")
            self._say_item("response.output_item.added", known, fresh)
        return known

    def message(self, item_id: str) -> Output:
        """Return the entry of an assistant's message whose content begins to come."""
        entry = self.output(Item(item_id, "message", "assistant", status="in_progress"))
        if not entry.part_open:
            entry.part_open = True
            self._say_part("response.content_part.added", entry, "")
        return entry

    def text(self, item_id: str, text: str) -> None:
        """More is written."""
        entry = self.message(item_id)
        entry.written += text
        self._say(f"response.{self._text_name}.delta", entry, content_index=0, delta=text)

    def text_done(self, item_id: str, text: str) -> None:
        """All is written."""
        entry = self.message(item_id)
        if not entry.text_done:
            entry.text_done, entry.written = True, text
            name = "transcript" if self.audible else "text"
            self._say(f"response.{self._text_name}.done", entry, content_index=0, **{name: text})

    def sound_done(self, item_id: str) -> None:
        """All is spoken into the queue."""
        entry = self.message(item_id)
        if self.audible and not entry.sound_done:
            entry.sound_done = True
            self._say("response.output_audio.done", entry, content_index=0)

    def sound(self, item_id: str, delta: str) -> None:
        """More of the sound, in base64."""
        self._say("response.output_audio.delta", self.message(item_id), content_index=0, delta=delta)

    def call(self, item: Item) -> None:
        """The model asks for a function; its arguments come in one piece."""
        entry = self.output(item)
        entry.item = item
        if not entry.text_done:
            entry.text_done = True
            call_id, arguments = item.call_id or "", item.arguments
            self._say("response.function_call_arguments.delta", entry, call_id=call_id, delta=arguments)
            done = {"call_id": call_id, "name": item.name or "", "arguments": arguments}
            self._say("response.function_call_arguments.done", entry, **done)

    def item_done(self, item: Item) -> None:
        """The item will not grow: close what is open of it (``response.output_item.done``)."""
        entry = self.output(item)
        if entry.done:
            return
        if item.kind == "message":
            self._close_part(entry, item)
        elif item.kind == "function_call":
            self.call(item)
        entry.item, entry.done = item, True
        self._say_item("response.output_item.done", entry, item)

    def end(self, done: ResponseDone) -> None:
        """Close what is still open and say ``response.done``."""
        for entry in list(self.outputs.values()):
            if not entry.done:
                self.item_done(self._as_it_stands(entry, done))
        self.say("response.done", response=self._written(done.status, done, done.usage))

    @property
    def _text_name(self) -> str:
        return "output_audio_transcript" if self.audible else "output_text"

    def _as_it_stands(self, entry: Output, done: ResponseDone) -> Item:
        status: Status = "completed" if done.status == "completed" else "incomplete"
        if entry.item.kind != "message":
            return replace(entry.item, status=status)
        part = Part("output_audio" if self.audible else "output_text", entry.written)
        return replace(entry.item, status=status, parts=entry.item.parts or (part,))

    def _close_part(self, entry: Output, item: Item) -> None:
        if not entry.part_open:
            return
        if self.audible:
            self.sound_done(item.id)
        self.text_done(item.id, entry.written or item.text)
        self._say_part("response.content_part.done", entry, entry.written)

    def _say_part(self, name: str, entry: Output, text: str) -> None:
        part = {"type": "audio", "transcript": text} if self.audible else {"type": "text", "text": text}
        self._say(name, entry, content_index=0, part=part)

    def _say(self, what: str, entry: Output, /, **fields: Any) -> None:
        places = {"response_id": self.made.response_id, "output_index": entry.index, "item_id": entry.item.id}
        self.say(what, **places, **fields)

    def _say_item(self, what: str, entry: Output, item: Item) -> None:
        self.say(what, response_id=self.made.response_id, output_index=entry.index, item=write_item(item))

    def _written(self, status: str, done: ResponseDone | None, usage: Usage | None) -> dict[str, Any]:
        output = {"format": self.output_format, "voice": self.made.voice}
        return {
            "object": "realtime.response",
            "id": self.made.response_id,
            "status": status,
            "status_details": _details(done),
            "output": [write_item(entry.item) for entry in self.outputs.values() if entry.done],
            "conversation_id": self.conversation_id,
            "output_modalities": list(self.made.modalities),
            "audio": {"output": output} if self.audible else None,
            "max_output_tokens": "inf" if self.max_output_tokens is None else self.max_output_tokens,
            "metadata": dict(self.made.metadata) or None,
            "usage": write_usage(usage),
        }


def write_usage(usage: Usage | None) -> dict[str, Any] | None:
    """Return a response's usage as the contract writes it."""
    if usage is None:
        return None
    return {
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "input_token_details": {
            "text_tokens": usage.input_text_tokens,
            "audio_tokens": usage.input_audio_tokens,
            "image_tokens": usage.image_tokens,
            "cached_tokens": usage.cached_tokens,
            "cached_tokens_details": {
                "text_tokens": usage.cached_tokens - usage.cached_audio_tokens,
                "audio_tokens": usage.cached_audio_tokens,
                "image_tokens": 0,
            },
        },
        "output_token_details": {"text_tokens": usage.output_text_tokens, "audio_tokens": usage.output_audio_tokens},
    }


def _details(done: ResponseDone | None) -> dict[str, Any] | None:
    if done is None or done.status == "completed":
        return None
    details: dict[str, Any] = {"type": done.status}
    if done.reason in _REASONS:
        details["reason"] = done.reason
    if done.error_code is not None:
        details["error"] = {"type": "server_error", "code": done.error_code, "message": done.error_message}
    return details
