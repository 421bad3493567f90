"""What one warm socket of a voice speaks: a pure state machine between texts to say and a provider's messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from bridges.codec import Message
from mediaserver.errors import BridgeError
from mediaserver.speech import Sound


@dataclass(frozen=True, slots=True)
class Ask:
    """A text to say; ``settings`` are the wire's own and go with this text only."""

    text: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Heard:
    """Some sound of the speech of this number, or (``None``) that it is complete."""

    speech: int
    sound: Sound | None


class Wire(Protocol):
    """One socket's side of a protocol. No I/O; ``now`` is in monotonic seconds.

    ``settling``: something was cancelled and the provider has not confirmed it yet. ``spent``: the socket is of no more use.
    """

    @property
    def slots(self) -> int:
        """How many texts it can say at once."""
        ...

    @property
    def settling(self) -> bool:
        """Whether a cancelled text may still sound."""
        ...

    @property
    def spent(self) -> bool:
        """Whether the socket has to be closed, e.g. because nothing else stops what it says."""
        ...

    def room(self, now: float) -> int:
        """Return how many more texts may begin now."""
        ...

    def begin(self, speech: int, ask: Ask, now: float) -> Sequence[str]:
        """Return the messages that say a text; ``speech`` names it from here on."""
        ...

    def cancel(self, speech: int) -> Sequence[str]:
        """Return what stops a text that is not complete."""
        ...

    def goodbye(self) -> Sequence[str]:
        """Return what is said before the socket is closed from our side."""
        ...

    def receive(self, message: Message) -> Sequence[Heard]:
        """Return what a message brings. Raises Garbled for nonsense and other BridgeErrors for the end of the socket."""
        ...

    def closed(self, code: int) -> BridgeError:
        """Return what a close by the provider means for what was being said."""
        ...
