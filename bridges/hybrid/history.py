"""The conversation's items as the messages a language model reads. Pure.

What an assistant said is what the caller heard of it; a function call stands right before its output and never without one,
because the chat completions contract refuses an unanswered call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mediaserver.items import Item
from mediaserver.speech import Message, ToolRequest

BUDGET_CHARS = 24_000
"""About 6000 tokens of English: room for instructions and answer in an 8k context."""
NO_RESULT = "no result yet"

_Group = tuple[Message, ...]


def messages(items: Sequence[Item], instructions: str = "", budget: int = BUDGET_CHARS) -> tuple[Message, ...]:
    """Return the instructions and as much of the end of the conversation as ``budget`` characters hold.

    What a caller said without words, and what an assistant wrote but nobody heard, is left out. A call and its outputs are
    kept or left out together; the last group is kept whatever its size.
    """
    opening = (Message("system", instructions),) if instructions else ()
    kept = _newest(list(_groups(items)), budget - len(instructions))
    return (*opening, *(message for group in kept for message in group))


def _newest(groups: list[_Group], budget: int) -> list[_Group]:
    kept: list[_Group] = []
    for group in reversed(groups):
        budget -= sum(map(_size, group))
        if budget < 0 and kept:
            break
        kept.append(group)
    return kept[::-1]


def _size(message: Message) -> int:
    return len(message.text) + sum(len(call.name) + len(call.arguments) for call in message.calls)


def _groups(items: Sequence[Item]) -> Iterator[_Group]:
    outputs = {item.call_id: item.output for item in items if item.kind == "function_call_output" and item.call_id}
    calls: list[ToolRequest] = []
    for item in items:
        if item.kind == "function_call":
            calls.append(ToolRequest(item.call_id or item.id, item.name or "", item.arguments or "{}"))
        elif item.kind == "message":
            yield from _called(calls, outputs)
            calls = []
            if item.text.strip():
                yield (Message(item.role or "user", item.text.strip()),)
    yield from _called(calls, outputs)


def _called(calls: list[ToolRequest], outputs: Mapping[str, str]) -> Iterator[_Group]:
    if calls:
        answers = (Message("tool", outputs.get(call.call_id, NO_RESULT), call_id=call.call_id) for call in calls)
        yield (Message("assistant", calls=tuple(calls)), *answers)
