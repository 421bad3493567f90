"""What a talk needs of whoever it speaks to: somewhere to play, and somebody to tell."""

from __future__ import annotations

from typing import Protocol

from mediaserver.events import Event
from mediaserver.items import Played


class Loudspeaker(Protocol):
    """The part of a caller that replies are about; see :class:`mediaserver.caller.Caller`."""

    def play(self, item_id: str, pcm: bytes) -> None:
        """Queue sound."""
        ...

    def finish(self, item_id: str) -> None:
        """No more sound comes for this item."""
        ...

    def pause(self) -> None:
        """Be silent and keep the queue."""
        ...

    def resume(self) -> None:
        """Go on."""
        ...

    def clear(self) -> tuple[Played, ...]:
        """Forget the queue and say what was heard."""
        ...

    def played(self, item_id: str) -> int:
        """Milliseconds that have left so far."""
        ...

    def tell(self, event: Event) -> None:
        """Tell the client."""
        ...
