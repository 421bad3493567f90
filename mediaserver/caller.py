"""A Caller is anyone who comes in: it brings sound and commands, and takes sound and events.

The loudspeaker's queue (:class:`mediaserver.audio.playout.Playout`) belongs to the caller because the caller's clock pulls
from it; nothing else on the way back buffers audio.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from mediaserver.commands import Command
from mediaserver.events import DigitPressed, Event, PlayoutFinished, PlayoutStarted
from mediaserver.items import Played as Played

if TYPE_CHECKING:  # a contract is light to import
    from mediaserver.audio.packets import Packet

Tap = Callable[[bytes, float], None]
"""Is given each piece of sound, PCM16 mono at the call's ``play_rate``, and when the caller begins to hear it."""


class Listener(Protocol):
    """The session, as a caller sees it. All are plain calls on the event loop that never block and never raise."""

    def hear(self, pcm: bytes, at: float) -> None:
        """Take one 20 ms frame, PCM16 mono at the rate given to ``attach``, that arrived at ``at`` (monotonic seconds).

        It is a :class:`mediaserver.audio.packets.Coded` where packets are kept and it came in one of its own.
        """
        ...

    def ask(self, command: Command) -> None:
        """Take a command of the client."""
        ...

    def note(self, event: PlayoutStarted | PlayoutFinished | DigitPressed) -> None:
        """Take what the caller's side reports."""
        ...

    def refuse(self, message: str, code: str, event_id: str | None, param: str | None = None) -> None:
        """The client sent something that is no command: it is told so, the call goes on."""
        ...


class Outlet(Protocol):
    """Whoever is spoken to: somewhere to play, and somebody to tell."""

    def play(self, item_id: str, pcm: bytes) -> None:
        """Queue sound at the ``play_rate`` of :meth:`Caller.attach`; items play in the order in which they first appear."""
        ...

    def finish(self, item_id: str) -> None:
        """No more sound comes for this item: PlayoutFinished follows when its last sample has left."""
        ...

    def pause(self) -> None:
        """Be silent within one frame and keep the queue."""
        ...

    def resume(self) -> None:
        """Go on where :meth:`pause` stopped."""
        ...

    def clear(self) -> tuple[Played, ...]:
        """Be silent within one frame, forget the queue, and say how much of each unfinished item was heard."""
        ...

    def played(self, item_id: str) -> int:
        """Milliseconds of this item that have left so far."""
        ...

    def tell(self, event: Event) -> None:
        """Tell the client, in its dialect. A plain call; control events are never dropped, overflow ends the call."""
        ...


class Loudspeaker(Outlet, Protocol):
    """What a conversation needs of whoever it speaks to: besides, it may be given sound that is Opus already."""

    def play_packets(self, item_id: str, packets: Sequence[Packet]) -> None:
        """Queue packets of 20 ms like sound."""
        ...


class Caller(Outlet, Protocol):
    """One leg towards a person."""

    @property
    def id(self) -> str:
        """The call's name, ``rtc_…`` for WebRTC."""
        ...

    def attach(self, listener: Listener, *, hear_rate: int, play_rate: int, live: bool, tap: Tap | None = None) -> None:
        """Say who listens and at which rates (Hz, PCM16 mono); ``live`` sound is played with a cushion, see Playout.

        ``tap`` is a plain call that gets what is really played, when it is.
        """
        ...

    async def run(self) -> None:
        """Serve the transport until it ends: raises Hangup with the reason. Cancelling it closes the transport."""
        ...

    async def close(self, reason: str) -> None:
        """Say goodbye on the wire and free everything within 5 s. Idempotent."""
        ...


@runtime_checkable
class PacketCaller(Protocol):
    """A caller whose line may be Opus: what is Opus already need not be made again."""

    @property
    def passes(self) -> bool:
        """Whether packets go out as they are; :meth:`play_packets` takes them all the same when that has just changed."""
        ...

    def keep_packets(self) -> None:
        """From the next ``attach`` on, give each frame with the packet that it came in."""
        ...

    def play_packets(self, item_id: str, packets: Sequence[Packet]) -> None:
        """Queue packets of 20 ms like sound."""
        ...


class Dialect(Protocol):
    """What a caller speaks besides sound: the pure codec of its text channels, made by a door and given to the caller.

    ``label`` is the data channel's label. Text said before its channel is open is kept (bounded) and sent when it opens.
    """

    def attach(self, listener: Listener) -> None:
        """Say who takes the commands."""
        ...

    def opened(self, label: str, send: Callable[[str], None]) -> None:
        """A text channel is open; ``send`` is a plain call that raises Hangup when the far end does not keep up."""
        ...

    def received(self, label: str, text: str | bytes) -> None:
        """A message came. Never raises: what cannot be read is refused through the listener."""
        ...

    def closed(self, label: str) -> None:
        """The channel is gone."""
        ...

    def tell(self, event: Event) -> None:
        """Write an event to the channels that want it."""
        ...
