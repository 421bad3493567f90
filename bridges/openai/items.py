"""Items and usage between our words and the wire's (OpenAI Realtime API reference, "conversation items", "usage")."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bridges.openai.wire import TokenDetails, UsageBody
from mediaserver.items import Item, Part, Usage

_NONE = TokenDetails()


def wire_item(item: Item, assistant_text: str = "output_text", *, named: bool = True) -> dict[str, Any] | None:
    """Return an item as the provider takes it; ``None`` for a message without a word (its transcript never came).

    Sound of an earlier session cannot be given again: what was said becomes text. ``named=False`` leaves the id out.
    """
    wire: dict[str, Any] = {"id": item.id} if named and item.id else {}
    if item.kind == "function_call":
        return wire | {
            "type": "function_call",
            "call_id": item.call_id or "",
            "name": item.name or "",
            "arguments": item.arguments or "{}",
        }
    if item.kind == "function_call_output":
        return wire | {"type": "function_call_output", "call_id": item.call_id or "", "output": item.output}
    kind = assistant_text if item.role == "assistant" else "input_text"
    content = [{"type": kind, "text": text} for text in _texts(item.parts)]
    return wire | {"type": "message", "role": item.role or "user", "content": content} if content else None


def _texts(parts: Iterable[Part]) -> Iterable[str]:
    return (part.text for part in parts if part.text)


def usage(body: UsageBody | None) -> Usage | None:
    """Return what the provider counted; ``None`` where it said nothing (xAI: an empty object)."""
    if body is None or body == UsageBody():
        return None
    heard, made = body.input_token_details or _NONE, body.output_token_details or _NONE
    cached = heard.cached_tokens_details or _NONE
    return Usage(
        input_tokens=body.input_tokens or 0,
        output_tokens=body.output_tokens or 0,
        input_text_tokens=heard.text_tokens or 0,
        input_audio_tokens=heard.audio_tokens or 0,
        output_text_tokens=made.text_tokens or 0,
        output_audio_tokens=made.audio_tokens or 0,
        cached_tokens=heard.cached_tokens or 0,
        cached_audio_tokens=cached.audio_tokens or 0,
        image_tokens=heard.image_tokens or 0,
        thinking_tokens=made.reasoning_tokens or 0,
        seconds=body.seconds or 0.0,
        source="provider",
    )
