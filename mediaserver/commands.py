"""Everything that can be asked of a session or of a bridge.

A dialect turns a client's messages into the first group; the session turns turns into the second and hands both to its
bridge. ``event_id`` is the client's own name for its request; an error answers to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from mediaserver.items import Item
from mediaserver.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Base of all commands."""

    event_id: str | None = None


# --- from the client --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateSession(Command):
    """Put these settings (the whole of them, already merged) in force."""

    settings: Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitInput(Command):
    """End the caller's turn now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearInput(Command):
    """Forget audio that was not committed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearOutput(Command):
    """Stop playing now (``output_audio_buffer.clear``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateItem(Command):
    """Add an item; ``previous_item_id`` ``None`` means at the end, ``"root"`` at the start."""

    item: Item
    previous_item_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrieveItem(Command):
    """Send the item as the server knows it."""

    item_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TruncateItem(Command):
    """The caller heard only ``audio_end_ms`` of this assistant item."""

    item_id: str
    content_index: int
    audio_end_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteItem(Command):
    """Take the item out of the conversation."""

    item_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateResponse(Command):
    """Answer now. ``None`` fields keep the session's settings; ``input`` replaces the conversation for this response.

    A text in ``input`` is the id of an item of the conversation.
    """

    instructions: str | None = None
    output_modalities: tuple[Literal["audio", "text"], ...] | None = None
    voice: str | None = None
    settings: Settings | None = None
    input: tuple[Item | str, ...] | None = None
    out_of_band: bool = False
    metadata: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelResponse(Command):
    """Stop the response that is being made (``None``: whichever it is)."""

    response_id: str | None = None


# --- from the session to its bridge -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginSpeech(Command):
    """What the bridge hears from now on belongs to this item (bridges that hear speech only)."""

    item_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseSpeech(Command):
    """The caller is quiet: the item's audio may be complete. For bridges that prepare (``Capabilities.prepares``)."""

    item_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeSpeech(Command):
    """The caller goes on after a PauseSpeech."""

    item_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSpeech(Command):
    """The item's audio is complete: write it down and say ``TranscriptFinal`` once."""

    item_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DropSpeech(Command):
    """Forget the item's audio; no transcript is wanted."""

    item_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Respond(Command):
    """Answer this conversation with these settings under this name.

    ``items`` is the whole of what the model is to know. A bridge that remembers the conversation by itself
    (``Capabilities.remembers``) looks at them only where ``own_input`` says that they stand in place of the conversation.
    ``settings`` are those of this response; what differs from the session's was asked for by the client.
    ``out_of_band``: neither question nor answer become part of the conversation.
    """

    response_id: str
    settings: Settings
    items: tuple[Item, ...] = field(default=())
    metadata: tuple[tuple[str, str], ...] = ()
    out_of_band: bool = False
    own_input: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepare(Command):
    """An answer to this conversation will probably be asked for soon: begin to make it, and say nothing of it.

    A ``Respond`` with the same settings and, but for punctuation, the same words takes what is made by then; any other one,
    a further ``Prepare`` or a ``DropPrepared`` throws it away. For bridges that can (``Capabilities.prepares``).
    """

    settings: Settings
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DropPrepared(Command):
    """The caller goes on speaking: what was prepared is of no use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupt(Command):
    """Stop making this response; ``played_ms`` of ``item_id`` was heard. The bridge answers ``ResponseDone(cancelled)``."""

    response_id: str
    item_id: str | None = None
    played_ms: int = 0
    reason: Literal["turn_detected", "client_cancelled"] = "turn_detected"
