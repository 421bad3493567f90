"""What a provider's dialect is: a pure state machine between our vocabulary and the provider's messages.

No I/O and no clock: messages and commands go in, messages and events come out. Each provider's is ``codec.py`` in its folder
with the message structs in ``wire.py`` beside it; dispatch is a table with a row per message. Text messages are ``str``
(one JSON object each), binary ones ``bytes``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mediaserver.bridge import Capabilities, Opening
from mediaserver.commands import Command
from mediaserver.errors import BridgeError
from mediaserver.events import Event

Message = str | bytes


class Garbled(BridgeError):
    """One message of the provider that cannot be what its documentation says; three of them end the connection."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="protocol_error")


class Codec(Protocol):
    """One session's side of a provider's protocol. All calls are plain, bounded and made from one thread.

    ``quiet_s``: nothing heard of the provider for so long is worth :meth:`quiet` (``None``: never).
    ``idle_s``: nothing sent to the provider for so long is worth :meth:`idle` (``None``: never).
    """

    quiet_s: float | None
    idle_s: float | None

    @property
    def capabilities(self) -> Capabilities:
        """What the provider can do; ``input_rate`` and ``output_rate`` are what :meth:`hear` takes and AudioDelta brings."""
        ...

    @property
    def ready(self) -> bool:
        """Whether sound and commands may be sent: the provider has taken the configuration."""
        ...

    def open(self, opening: Opening) -> Sequence[Message]:
        """Return what is said first; empty where the provider speaks first (:meth:`replies` then goes on)."""
        ...

    def hear(self, pcm: bytes) -> Sequence[Message]:
        """Return the messages that carry one frame of the caller, PCM16 mono at ``capabilities.input_rate``."""
        ...

    def encode(self, command: Command) -> Sequence[Message]:
        """Return the messages that ask this. Raises Unsupported for what the provider has no word for."""
        ...

    def receive(self, message: Message) -> Sequence[Event]:
        """Return what a message tells. Raises Garbled for nonsense and other BridgeErrors for the provider's fatal ones.

        A type that is not known is counted and ignored.
        """
        ...

    def replies(self) -> Sequence[Message]:
        """Return what the messages received since the last call want to be answered at once (pong, the next step)."""
        ...

    def quiet(self) -> Sequence[Event]:
        """Return what follows from the provider having been silent for ``quiet_s`` (the end of a reply without a mark)."""
        ...

    def idle(self) -> Sequence[Message]:
        """Return what keeps the connection alive when nothing was sent for ``idle_s``."""
        ...

    def closed(self, code: int, reason: str) -> BridgeError | None:
        """Return what a close by the provider means: an error, or ``None`` when the conversation has simply ended."""
        ...

    def settle(self) -> Sequence[Event]:
        """Return what was used and not reported yet: the connection has ended, whoever ended it."""
        ...

    def goodbye(self) -> Sequence[Message]:
        """Return what is said before the connection is closed from our side."""
        ...
