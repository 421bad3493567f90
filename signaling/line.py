"""A call whose client may come back on another peer connection: one caller for the session, one peer after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mediaserver.audio.packets import Packet
from mediaserver.caller import Dialect, Listener, Tap
from mediaserver.errors import Hangup, NotFound
from mediaserver.events import Event
from mediaserver.items import Played
from mediaserver.rtc.description import Terms
from mediaserver.rtc.peer import Peer
from mediaserver.rtc.port import MediaPort


@dataclass(frozen=True, slots=True)
class _Attached:
    """What the session asked of its caller, for the next peer."""

    listener: Listener
    hear_rate: int
    play_rate: int
    live: bool
    tap: Tap | None


class Seat:
    """What one peer speaks: the line's dialect, for as long as the peer is the line's."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect: Dialect | None = dialect
        self._open: list[str] = []

    def leave(self) -> None:
        """Its channels are gone, and what this peer says from now on is nobody's."""
        dialect, self._dialect = self._dialect, None
        for label in self._open:
            if dialect is not None:
                dialect.closed(label)

    def attach(self, listener: Listener) -> None:
        """Say who takes the commands."""
        if self._dialect is not None:
            self._dialect.attach(listener)

    def opened(self, label: str, send: Callable[[str], None]) -> None:
        """A channel is open."""
        if self._dialect is not None:
            self._open.append(label)
            self._dialect.opened(label, send)

    def received(self, label: str, text: str | bytes) -> None:
        """A message came."""
        if self._dialect is not None:
            self._dialect.received(label, text)

    def closed(self, label: str) -> None:
        """The channel is gone."""
        if self._dialect is not None:
            self._open.remove(label)
            self._dialect.closed(label)

    def tell(self, event: Event) -> None:
        """Write an event."""
        if self._dialect is not None:
            self._dialect.tell(event)


class Line:
    """Satisfies :class:`mediaserver.caller.Caller`; made by :meth:`open`.

    What is said while the client is away waits, its words in the dialect and its sound in the loudspeaker, which goes over
    to the next peer as it is. A client whose network went away has ``media.resume_s`` for coming back: its peer is freed by
    then, the conversation waits.
    """

    def __init__(self, port: MediaPort, dialect: Dialect, terms: Terms, peer: Peer, seat: Seat) -> None:
        self.peer = peer
        self._port = port
        self._dialect = dialect
        self._terms = terms
        self._seat = seat
        self._attached: _Attached | None = None
        self._keep_packets = False
        self._closed = False
        self._moved = asyncio.Event()

    @classmethod
    def open(cls, port: MediaPort, offer: str, dialect: Dialect, call_id: str, terms: Terms) -> tuple[Line, str]:
        """Make a line for an offer and return it with the answer. Raises what :meth:`MediaPort.accept` raises."""
        seat = Seat(dialect)
        peer, answer = port.accept(offer, seat, call_id=call_id, terms=terms)
        return cls(port, dialect, terms, peer, seat), answer

    def reoffer(self, offer: str) -> str:
        """Answer a new offer of the same peer.

        Raises NotFound when that is gone, else what :meth:`MediaPort.reoffer` raises.
        """
        if self.peer.over:
            raise NotFound("this connection is over; the call may go on over a new one", code="call_not_found")
        return self._port.reoffer(self.peer, offer)

    async def move(self, offer: str) -> str:
        """Go on with the peer of this offer and return the answer; the peer before is closed.

        Raises NotFound when the call is over, else what :meth:`MediaPort.accept` raises: then all stays as it is.
        """
        if self._closed:
            raise NotFound("there is no such call", code="call_not_found")
        seat = Seat(self._dialect)
        peer, answer = self._port.accept(offer, seat, call_id=self.id, terms=self._terms)
        before, self.peer = self.peer, peer
        self._seat.leave()
        self._seat = seat
        if self._keep_packets:
            peer.keep_packets()
        if (to := self._attached) is not None:
            peer.attach(to.listener, hear_rate=to.hear_rate, play_rate=to.play_rate, live=to.live, tap=to.tap)
            peer.take_over(before)
        self._moved.set()
        await before.close("client_closed")
        return answer

    # --- mediaserver.caller.Caller ------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """The call's name, the same for all its peers."""
        return self.peer.id

    def attach(self, listener: Listener, *, hear_rate: int, play_rate: int, live: bool, tap: Tap | None = None) -> None:
        """Say who listens and at which rates."""
        self._attached = _Attached(listener, hear_rate, play_rate, live, tap)
        self.peer.attach(listener, hear_rate=hear_rate, play_rate=play_rate, live=live, tap=tap)

    def play(self, item_id: str, pcm: bytes) -> None:
        """Queue sound at ``play_rate``."""
        self.peer.play(item_id, pcm)

    @property
    def passes(self) -> bool:
        """Whether packets go out as they are, with the peer there is."""
        return self.peer.passes

    def keep_packets(self) -> None:
        """Have every peer give its frames with their packets."""
        self._keep_packets = True
        self.peer.keep_packets()

    def play_packets(self, item_id: str, packets: Sequence[Packet]) -> None:
        """Queue packets of 20 ms."""
        self.peer.play_packets(item_id, packets)

    def finish(self, item_id: str) -> None:
        """No more sound comes for this item."""
        self.peer.finish(item_id)

    def pause(self) -> None:
        """Be silent and keep the queue."""
        self.peer.pause()

    def resume(self) -> None:
        """Go on."""
        self.peer.resume()

    def clear(self) -> tuple[Played, ...]:
        """Be silent and say what was heard."""
        return self.peer.clear()

    def played(self, item_id: str) -> int:
        """Milliseconds of this item that have left."""
        return self.peer.played(item_id)

    def tell(self, event: Event) -> None:
        """Tell the client, in its dialect."""
        self._dialect.tell(event)

    async def run(self) -> None:
        """Serve one peer after the other: raises Hangup with the reason of the last one."""
        while True:
            peer = self.peer
            self._moved.clear()
            try:
                await peer.run()
            except Hangup as hangup:
                if peer is self.peer and not await self._comes_back(hangup):
                    raise

    async def _comes_back(self, hangup: Hangup) -> bool:
        """Wait for the next peer where it was the network that ended this one."""
        if hangup.reason != "connection_lost" or self._closed:
            return False
        try:
            async with asyncio.timeout(self._port.settings.resume_s):
                await self._moved.wait()
        except TimeoutError:
            return False
        return not self._closed

    async def close(self, reason: str) -> None:
        """Say goodbye on the wire and free everything."""
        self._closed = True
        self._moved.set()
        await self.peer.close(reason)
