"""The loudspeaker of a caller whose own clock pulls from a playout: what the session asks of it is done there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from mediaserver.audio.packets import Packet
from mediaserver.audio.playout import Playout
from mediaserver.items import Played


class Speaker(ABC):
    """Satisfies the playing half of :class:`mediaserver.caller.Loudspeaker`; :meth:`playout` is the queue."""

    @abstractmethod
    def playout(self) -> Playout:
        """Return the queue; asked for only when there is one."""

    def play(self, item_id: str, pcm: bytes) -> None:
        """Queue sound at ``play_rate``."""
        self.playout().push(item_id, pcm)
        self.queued()

    def play_packets(self, item_id: str, packets: Sequence[Packet]) -> None:
        """Queue packets of 20 ms."""
        self.playout().push_packets(item_id, packets)
        self.queued()

    def queued(self) -> None:  # noqa: B027  # most have nothing to do
        """Sound has come: for those whose clock follows it."""

    def finish(self, item_id: str) -> None:
        """No more sound comes for this item."""
        self.playout().finish(item_id)

    def pause(self) -> None:
        """Be silent within one frame and keep the queue."""
        self.playout().pause()

    def resume(self) -> None:
        """Go on where :meth:`pause` stopped."""
        self.playout().resume()

    def clear(self) -> tuple[Played, ...]:
        """Be silent within one frame and say what was heard."""
        return self.playout().clear()

    def played(self, item_id: str) -> int:
        """Milliseconds of this item that have left."""
        return self.playout().played(item_id)
