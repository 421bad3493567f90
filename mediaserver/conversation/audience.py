"""Everyone who is told what happens in a call: the caller, and whoever supervises it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from mediaserver.audio.packets import Packet, Reader
from mediaserver.bridge import SoundCodec
from mediaserver.caller import Caller, Loudspeaker, PacketCaller
from mediaserver.clock import new_id
from mediaserver.conversation.phrases import Phrases
from mediaserver.errors import Hangup
from mediaserver.events import Event, PlayoutFinished, Problem
from mediaserver.items import Played
from mediaserver.remember import remember

MAX_CONTROLLERS = 16
KEPT_ASKS = 256
KEPT_ITEMS = 256


def play(speaker: Loudspeaker, item_id: str, sound: bytes | Sequence[Packet]) -> None:
    """Play sound of either kind."""
    if isinstance(sound, bytes):
        speaker.play(item_id, sound)
    else:
        speaker.play_packets(item_id, sound)


class Controller(Protocol):
    """A second party on a live call: it is told what the caller's client is told, and asks like it.

    All are plain calls that never block; one that does not keep up raises Hangup and is left out from then on.
    """

    listens: bool
    """Whether it wants the sound of both sides."""

    @property
    def name(self) -> str:
        """Who this is, for the record."""
        ...

    def tell(self, event: Event) -> None:
        """Tell it what happened."""
        ...

    def hear_caller(self, pcm: bytes, rate: int) -> None:
        """Give it the caller's sound, PCM16 mono."""
        ...

    def hear_model(self, item_id: str, pcm: bytes, rate: int) -> None:
        """Give it the model's sound, as it comes from the provider."""
        ...

    def ended(self) -> None:
        """The call is over."""
        ...


class Audience:
    """Satisfies :class:`mediaserver.caller.Loudspeaker`: what a talk says goes to all of them.

    ``gone`` is told of a controller that does not keep up; ``seen`` of every event, before anyone else: it returns what the
    caller's client is to know of it (``None``: nothing). ``rate`` and ``hear_rate`` are the call's, in Hz. ``phrases`` are
    what the server itself can say.
    """

    def __init__(
        self,
        caller: Caller,
        gone: Callable[[Controller], None],
        seen: Callable[[Event], Event | None],
        phrases: Phrases | None = None,
    ) -> None:
        self.caller = caller
        self._packets = caller if isinstance(caller, PacketCaller) else None
        self._reader: Reader | None = None
        self.rate = self.hear_rate = 0
        self.controllers: list[Controller] = []
        self._gone = gone
        self._seen = seen
        self._phrases = phrases
        self._asks: deque[tuple[str, Controller]] = deque(maxlen=KEPT_ASKS)
        self._queue: dict[str, None] = {}

    def asked(self, event_id: str | None, controller: Controller) -> None:
        """Remember whose request this is, for an error that comes later."""
        if event_id is not None:
            self._asks.append((event_id, controller))

    def tell(self, event: Event) -> None:
        """Tell everyone; an error only who asked for it. Raises Hangup when the caller's client does not keep up."""
        asker = self._asker(event) if self._asks and isinstance(event, Problem) else None
        if asker is not None:
            self.tell_one(asker, event)
            return
        shown = self._seen(event)
        if shown is not None:
            self.caller.tell(shown)
        for controller in [*self.controllers]:
            self.tell_one(controller, event)

    def tell_one(self, controller: Controller, event: Event) -> None:
        """Tell one controller."""
        try:
            controller.tell(event)
        except Hangup:
            self._gone(controller)

    def _asker(self, problem: Problem) -> Controller | None:
        for event_id, controller in self._asks:
            if event_id == problem.client_event_id and controller in self.controllers:
                return controller
        return None

    # --- the loudspeaker ----------------------------------------------------------------------------------------------

    @property
    def queue(self) -> tuple[str, ...]:
        """The items that are playing or wait to be, oldest first."""
        return tuple(self._queue)

    def noted(self, event: Event) -> None:
        """Take what the caller's side reports."""
        if isinstance(event, PlayoutFinished):
            self._queue.pop(event.item_id, None)

    def play(self, item_id: str, pcm: bytes) -> None:
        """Queue sound; who listens in hears it as it comes."""
        self.caller.play(item_id, pcm)
        remember(self._queue, item_id, None, KEPT_ITEMS)
        for controller in self.controllers:
            if controller.listens:
                controller.hear_model(item_id, pcm, self.rate)

    def play_packets(self, item_id: str, packets: Sequence[Packet]) -> None:
        """Queue packets of 20 ms: they are decoded for a caller who does not take them, and for who listens in."""
        if self._packets is None or not self._packets.passes or self._is_heard:
            self._reader = self._reader or Reader(self.rate)
            self.play(item_id, self._reader.pcm(packets))
            return
        self._packets.play_packets(item_id, packets)
        remember(self._queue, item_id, None, KEPT_ITEMS)

    def keep_packets(self, codec: SoundCodec) -> None:
        """Have the caller's frames come with their packets where the provider is given those."""
        if codec == "opus" and self._packets is not None:
            self._packets.keep_packets()

    @property
    def _is_heard(self) -> bool:
        return any(controller.listens for controller in self.controllers)

    def say(self, text: str, prefix: str) -> str | None:
        """Play one of the server's own phrases; return its item, ``None`` when there is no sound for it."""
        if self._phrases is None or not text or not self._play_phrase(self._phrases, text, item_id := new_id(prefix)):
            return None
        self.finish(item_id)
        return item_id

    def _play_phrase(self, phrases: Phrases, text: str, item_id: str) -> bool:
        packets = phrases.packets(text)
        if packets and self._packets is not None and self._packets.passes and not self._is_heard:
            self.play_packets(item_id, packets)
            return True
        pcm = phrases.pcm(text, self.rate)
        if pcm:
            self.play(item_id, pcm)
        return bool(pcm)

    def finish(self, item_id: str) -> None:
        """No more sound comes for this item."""
        self.caller.finish(item_id)

    def pause(self) -> None:
        """Be silent and keep the queue."""
        self.caller.pause()

    def resume(self) -> None:
        """Go on."""
        self.caller.resume()

    def clear(self) -> tuple[Played, ...]:
        """Forget the queue and say what was heard."""
        self._queue.clear()
        return self.caller.clear()

    def played(self, item_id: str) -> int:
        """Milliseconds of this item that have left."""
        return self.caller.played(item_id)
