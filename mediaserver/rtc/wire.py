"""What a peer needs of the media port that carries it: a way out, and to be found by what comes in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from mediaserver.rtc.ice import Source

if TYPE_CHECKING:
    from mediaserver.rtc.peer import Peer


def nowhere(datagram: bytes) -> None:
    """Where datagrams go while there is no path."""


class Wire(Protocol):
    """What a peer needs of its media port."""

    def sender(self, source: Source) -> Callable[[bytes], None]:
        """Return a plain call that sends a datagram there and never raises."""

    def learn(self, source: Source, peer: Peer) -> None:
        """Datagrams from this source belong to this peer."""

    def forget(self, source: Source, peer: Peer) -> None:
        """They no longer do."""

    def name(self, ufrag: str, peer: Peer) -> None:
        """Checks with this username fragment are for this peer."""

    def unname(self, ufrag: str) -> None:
        """They no longer are."""

    def ask(self, source: Source, peer: Peer, now: float) -> None:
        """Ask there whether it is this peer's client; :meth:`Peer.proved` is called when it is."""

    def left(self, peer: Peer) -> None:
        """The peer is gone."""
