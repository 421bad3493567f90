"""Items of a conversation, read from and written to the contract's shapes."""

from __future__ import annotations

from typing import Any

from mediaserver.clock import new_id
from mediaserver.errors import BadRequest
from mediaserver.items import Item, Part, PartKind
from signaling.realtime import wire

_ALLOWED: dict[str, frozenset[str]] = {
    "system": frozenset({"input_text"}),
    "user": frozenset({"input_text", "input_audio"}),
    "assistant": frozenset({"output_text", "output_audio"}),
}
_SPOKEN: dict[str, PartKind] = {"input_audio": "input_audio", "output_audio": "output_text"}
_WRITTEN: dict[str, PartKind] = {"input_text": "input_text", "output_text": "output_text"}


def read_item(said: wire.WireItem, where: str) -> Item:
    """Return the item; one without a name gets one. Raises BadRequest with the path of what cannot be."""
    reader = _READERS.get(said.type)
    if reader is None:
        raise BadRequest(f"items of type {said.type[:64]!r} cannot be added here", param=f"{where}.type")
    return reader(said, where)


def write_item(item: Item) -> dict[str, Any]:
    """Return the item as the contract writes it; sound is never part of it."""
    common = {"id": item.id, "object": "realtime.item", "type": item.kind, "status": item.status}
    if item.kind == "function_call":
        return common | {"call_id": item.call_id or "", "name": item.name or "", "arguments": item.arguments}
    if item.kind == "function_call_output":
        return common | {"call_id": item.call_id or "", "output": item.output}
    return common | {"role": item.role or "user", "content": [write_part(part) for part in item.parts]}


def write_part(part: Part) -> dict[str, Any]:
    """Return one content part of an item; a transcript that is not known yet is ``null``."""
    if part.kind in ("input_audio", "output_audio"):
        return {"type": part.kind, "transcript": part.text}
    return {"type": part.kind, "text": part.text or ""}


def _message(said: wire.WireItem, where: str) -> Item:
    if said.role is None:
        raise _missing(f"{where}.role")
    if not said.content:
        raise _missing(f"{where}.content")
    parts = tuple(_part(content, said.role, f"{where}.content[{index}]") for index, content in enumerate(said.content))
    return Item(said.id or new_id("item"), "message", said.role, parts, said.status or "completed")


def _part(said: wire.Content, role: str, where: str) -> Part:
    if said.type not in _ALLOWED[role]:
        message = f"content of type {said.type[:64]!r} cannot be added to a message of the {role}"
        raise BadRequest(message, code="unsupported_content_type", param=f"{where}.type")
    if said.type in _WRITTEN:
        if said.text is None:
            raise _missing(f"{where}.text")
        return Part(_WRITTEN[said.type], said.text)
    if said.transcript is None or said.audio:
        message = "sound cannot be added as an item of this call; give its transcript, or speak"
        raise BadRequest(message, code="unsupported_content_type", param=f"{where}.audio")
    return Part(_SPOKEN[said.type], said.transcript)


def _function_call(said: wire.WireItem, where: str) -> Item:
    if said.name is None:
        raise _missing(f"{where}.name")
    if said.arguments is None:
        raise _missing(f"{where}.arguments")
    call_id = said.call_id or new_id("call")
    return Item(said.id or new_id("item"), "function_call", call_id=call_id, name=said.name, arguments=said.arguments)


def _function_call_output(said: wire.WireItem, where: str) -> Item:
    if said.call_id is None:
        raise _missing(f"{where}.call_id")
    if said.output is None:
        raise _missing(f"{where}.output")
    return Item(said.id or new_id("item"), "function_call_output", call_id=said.call_id, output=said.output)


def _missing(param: str) -> BadRequest:
    return BadRequest(f"missing required parameter: {param}", code="missing_required_parameter", param=param)


_READERS = {
    "message": _message,
    "function_call": _function_call,
    "function_call_output": _function_call_output,
}
