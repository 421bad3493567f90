"""The ordered items of one conversation, bounded. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from mediaserver.errors import BadRequest, NotFound
from mediaserver.items import Item

Verb = Literal["retrieve", "truncate", "delete"]


class Conversation:
    """What was said and done so far.

    At most ``max_items`` items and ``max_bytes`` of text; beyond that the oldest are forgotten, a function's output never
    outliving its call. An item alone may take a quarter of the bytes.
    """

    def __init__(self, *, max_items: int = 2000, max_bytes: int = 1 << 20) -> None:
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._items: dict[str, Item] = {}
        self._order: list[str] = []
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._order)

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._items

    @property
    def last_id(self) -> str | None:
        """The last item's id."""
        return self._order[-1] if self._order else None

    def add(self, item: Item, after: str | None = None) -> str | None:
        """Add an item after another (``None``: at the end, ``"root"``: at the start) and return its predecessor's id.

        Raises BadRequest for an id that is taken, a predecessor that is not there, and an item that is too large.
        """
        self._check(item, after)
        place = len(self._order) if after is None else 0 if after == "root" else self._order.index(after) + 1
        self._order.insert(place, item.id)
        self._items[item.id] = item
        self._bytes += _size(item)
        self._forget_oldest(keep=item.id)
        return self.before(item.id)

    def replace(self, item: Item) -> None:
        """Put an item in the place of the one with its id; does nothing when that was deleted meanwhile."""
        known = self._items.get(item.id)
        if known is not None:
            self._bytes += _size(item) - _size(known)
            self._items[item.id] = item
            self._forget_oldest(keep=item.id)

    def write(self, item_id: str, text: str) -> None:
        """Put into a message what was said in it; does nothing when it was deleted meanwhile."""
        item = self._items.get(item_id)
        if item is not None:
            self.replace(with_text(item, text))

    def find(self, item_id: str) -> Item | None:
        """Return the item, ``None`` when it is not there."""
        return self._items.get(item_id)

    def get(self, item_id: str, verb: Verb) -> Item:
        """Return the item; raises NotFound with the code of that request, ``item_retrieve_invalid_item_id`` and so on."""
        item = self._items.get(item_id)
        if item is None:
            raise NotFound(
                f"no item {item_id!r} in this conversation", code=f"item_{verb}_invalid_item_id", param="item_id"
            )
        return item

    def delete(self, item_id: str) -> None:
        """Take an item out; raises NotFound."""
        self.get(item_id, "delete")
        self._drop(item_id)

    def before(self, item_id: str) -> str | None:
        """Return the id of the item before this one, ``None`` for the first and for one that is not there."""
        place = self._order.index(item_id) if item_id in self._items else 0
        return self._order[place - 1] if place else None

    def snapshot(self) -> tuple[Item, ...]:
        """Return what a model is to know: finished items with something in them, in order.

        Speech without words, replies of which nothing was heard and replies that are still being made are left out.
        """
        return tuple(item for item in (self._items[name] for name in self._order) if _matters(item))

    def _check(self, item: Item, after: str | None) -> None:
        if item.id in self._items:
            raise BadRequest(f"item {item.id!r} is already there", code="invalid_value", param="item.id")
        if after not in (None, "root") and after not in self._items:
            raise BadRequest(f"no item {after!r} to put it after", code="invalid_value", param="previous_item_id")
        if _size(item) > self._max_bytes // 4:
            raise BadRequest("the item is too large for this conversation", code="item_too_large", param="item")

    def _forget_oldest(self, keep: str) -> None:
        while len(self._order) > 1 and (len(self._order) > self._max_items or self._bytes > self._max_bytes):
            oldest = self._order[0] if self._order[0] != keep else self._order[1]
            self._forget(oldest)

    def _forget(self, item_id: str) -> None:
        call_id = self._items[item_id].call_id
        self._drop(item_id)
        for other in [name for name in self._order if call_id and self._items[name].call_id == call_id]:
            self._drop(other)

    def _drop(self, item_id: str) -> None:
        self._bytes -= _size(self._items.pop(item_id))
        self._order.remove(item_id)


def with_text(item: Item, text: str, *, full_text: str | None = None) -> Item:
    """Return a message with this text in its first part; ``full_text`` is what was written when less was heard."""
    first, *rest = item.parts
    return replace(item, parts=(replace(first, text=text, full_text=full_text), *rest))


def _size(item: Item) -> int:
    written = sum(len(part.text or "") + len(part.full_text or "") for part in item.parts)
    return written + len(item.arguments) + len(item.output) + 64


def _matters(item: Item) -> bool:
    if item.kind != "message":
        return True
    being_made = item.role == "assistant" and item.status == "in_progress"
    return not being_made and bool(item.text.strip())
