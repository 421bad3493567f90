"""What the next provider is told of the conversation, and of the reply that the one before left unfinished. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from mediaserver.conversation.conversation import with_text
from mediaserver.conversation.sentences import is_closed
from mediaserver.items import Item

QUOTED = 240
"""So many characters of an unfinished reply are quoted: the whole of it stands in the conversation."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A reply that was cut off by its provider: ``said`` was heard or is in the loudspeaker's queue and will be."""

    item_id: str
    said: str


def carry(items: Iterable[Item], unfinished: Unfinished | None = None) -> tuple[Item, ...]:
    """Return what the next provider is to know, in order.

    Left out: what the caller said and nobody wrote down (its sound is said again), replies that nobody heard, calls whose
    arguments are not complete, and outputs without their call. Calls that have no output yet stay: it is still to come.
    """
    kept = [one for item in items if (one := _carried(item, unfinished)) is not None]
    calls = {item.call_id for item in kept if item.kind == "function_call"}
    return tuple(item for item in kept if item.kind != "function_call_output" or item.call_id in calls)


def continuation(said: str) -> str:
    """Return the instruction to go on after exactly these words."""
    words = " ".join(said.split())
    if len(words) > QUOTED:
        words = "… " + words[-QUOTED:].split(" ", 1)[-1]
    return (
        "Your last answer was cut off by a technical fault after these words: "
        f'"{words}" Continue from there in the same language and tone. Repeat nothing of it, and do not mention the fault.'
    )


def is_complete(said: str, *, written: bool) -> bool:
    """Say whether nothing is missing of a reply, so that no continuation is asked for.

    ``written``: the provider had said that the text was all there, and ``said`` is all of that text.
    """
    return written and is_closed(said)


def _carried(item: Item, unfinished: Unfinished | None) -> Item | None:
    if item.kind != "message":
        return None if item.status == "in_progress" else item
    if unfinished is not None and item.id == unfinished.item_id:
        return _cut(item, unfinished.said)
    if item.role == "assistant" and item.status == "in_progress":
        return None
    return item if item.text.strip() else None


def _cut(item: Item, said: str) -> Item | None:
    if not said.strip() or not item.parts:
        return None
    first = item.parts[0]
    written = first.full_text or first.text
    return with_text(replace(item, status="incomplete"), said, full_text=written)
