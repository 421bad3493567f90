"""What a client may ask of a conversation, one row per command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from mediaserver.clock import new_id
from mediaserver.commands import (
    CancelResponse,
    ClearInput,
    ClearOutput,
    Command,
    CommitInput,
    CreateItem,
    CreateResponse,
    DeleteItem,
    RetrieveItem,
    TruncateItem,
    UpdateSession,
)
from mediaserver.conversation.conversation import Conversation
from mediaserver.conversation.replies import Replies, Reply
from mediaserver.errors import BadRequest
from mediaserver.events import Event, InputCleared, ItemAdded, ItemDeleted, ItemDone, ItemRetrieved
from mediaserver.items import Item
from mediaserver.settings import Settings


class Desk(Protocol):
    """The part of a session that requests are about."""

    settings: Settings
    conversation: Conversation
    replies: Replies

    def tell(self, event: Event) -> None:
        """Tell the client."""
        ...

    def configure(self, settings: Settings) -> None:
        """Put settings in force."""
        ...

    def commit(self) -> None:
        """End the caller's turn; raises BadRequest when there is none."""
        ...

    def clear_input(self) -> None:
        """Forget sound that was not committed."""
        ...

    def clear_output(self) -> None:
        """Stop playing."""
        ...

    def add(self, item: Item, after: str | None) -> str | None:
        """Add an item and return its predecessor's id. Raises BadRequest, Unsupported."""
        ...

    def remove(self, item_id: str) -> None:
        """Take an item out. Raises NotFound, Unsupported."""
        ...

    def want(self, reply: Reply) -> None:
        """Make a reply as soon as what was said is known."""
        ...

    def withdraw(self, response_id: str | None) -> bool:
        """Stop making the reply of this name (``None``: any); returns False when there is none."""
        ...


def ask(desk: Desk, command: Command) -> None:
    """Do what a client's command asks. Raises RequestError, Unsupported."""
    row = _ROWS.get(type(command))
    if row is None:
        raise BadRequest("this cannot be asked of a session", code="unknown_parameter", param="type")
    row(desk, command)


def _update(desk: Desk, command: UpdateSession) -> None:
    desk.configure(replace(command.settings, model=desk.settings.model))


def _commit(desk: Desk, _command: CommitInput) -> None:
    desk.commit()


def _clear_input(desk: Desk, _command: ClearInput) -> None:
    desk.clear_input()
    desk.tell(InputCleared())


def _clear_output(desk: Desk, _command: ClearOutput) -> None:
    desk.clear_output()


def _create_item(desk: Desk, command: CreateItem) -> None:
    previous = desk.add(command.item, command.previous_item_id)
    desk.tell(ItemAdded(command.item, previous))
    desk.tell(ItemDone(command.item, previous))


def _retrieve(desk: Desk, command: RetrieveItem) -> None:
    desk.tell(ItemRetrieved(desk.conversation.get(command.item_id, "retrieve")))


def _delete(desk: Desk, command: DeleteItem) -> None:
    desk.remove(command.item_id)
    desk.tell(ItemDeleted(command.item_id))


def _truncate(desk: Desk, command: TruncateItem) -> None:
    item = desk.conversation.get(command.item_id, "truncate")
    sound_ms = desk.replies.sound_ms(item.id) if item.role == "assistant" else None
    if sound_ms is None:
        raise BadRequest(
            "only the sound of an assistant's message can be truncated", code="invalid_value", param="item_id"
        )
    if command.content_index != 0:
        raise BadRequest("the message has one part", code="invalid_value", param="content_index")
    if not 0 <= command.audio_end_ms <= sound_ms:
        raise BadRequest(f"the sound of this item is {sound_ms} ms long", code="invalid_value", param="audio_end_ms")
    desk.replies.truncate(item.id, command.audio_end_ms)


def _create_response(desk: Desk, command: CreateResponse) -> None:
    settings = command.settings or desk.settings
    changes: dict[str, Any] = {
        "instructions": command.instructions,
        "output_modalities": ("text",) if command.out_of_band else command.output_modalities,
        "voice": command.voice,
    }
    settings = replace(settings, **{name: value for name, value in changes.items() if value is not None})
    items = None if command.input is None else tuple(_resolved(desk, item) for item in command.input)
    reply = Reply(new_id("resp"), settings, command.metadata, command.out_of_band, items, asked=True)
    desk.want(reply)


def _resolved(desk: Desk, item: Item | str) -> Item:
    return desk.conversation.get(item, "retrieve") if isinstance(item, str) else item


def _cancel(desk: Desk, command: CancelResponse) -> None:
    if not desk.withdraw(command.response_id):
        raise BadRequest("no response is being made", code="response_cancel_not_active", param="response_id")


_ROWS: dict[type[Command], Callable[[Desk, Any], None]] = {
    UpdateSession: _update,
    CommitInput: _commit,
    ClearInput: _clear_input,
    ClearOutput: _clear_output,
    CreateItem: _create_item,
    RetrieveItem: _retrieve,
    DeleteItem: _delete,
    TruncateItem: _truncate,
    CreateResponse: _create_response,
    CancelResponse: _cancel,
}
