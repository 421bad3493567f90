"""The loudspeaker queue of one caller: whole replies go in, one 20 ms frame at a time comes out. Pure.

What was heard is what was pulled: every frame that leaves here goes straight into a packet. What came as packets leaves as
packets; they are decoded only where sound has to be made of them: to fade, to keep live sound in step, or after PCM.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from mediaserver.audio import stretch
from mediaserver.audio.cushion import Cushion
from mediaserver.audio.packets import LEAD, Frame, Packet, Reader, decoded
from mediaserver.audio.pcm import peak
from mediaserver.clock import FRAME_MS
from mediaserver.events import PlayoutFinished, PlayoutStarted
from mediaserver.items import Played
from mediaserver.remember import remember

FADE_MS = 5
"""Long enough that a cut does not click, short enough that it is still one frame."""

QUIET = 200
"""Peak (of 32767) under which a frame of live sound is not missed, about -44 dBFS."""

REMEMBERED = 32
"""Items whose heard length is still known after they have gone."""


@dataclass(slots=True)
class _Item:
    id: str
    packets: deque[Packet] = field(default_factory=deque)
    """What is played before the sound."""
    sound: bytearray = field(default_factory=bytearray)
    left: int = 0
    """Bytes that have left; a packet counts like the PCM it stands for."""
    started: bool = False
    finished: bool = False


class Playout:
    """Plays items in the order in which they first appear; PCM16 mono at ``rate`` Hz, or packets, in and out.

    ``note`` is told when an item's first frame left and when its last one has. ``live`` sound arrives as it is made, by a
    clock that is not ours, and gets a cushion that follows its jitter: a frame that is missing is made up from the one
    before it, a splice takes back what is too much. More than ``limit_s`` seconds are not kept: the newest is dropped and
    counted.
    """

    def __init__(
        self,
        rate: int,
        note: Callable[[PlayoutStarted | PlayoutFinished], None],
        *,
        live: bool = False,
        limit_s: float = 600.0,
    ) -> None:
        self._rate = rate
        self._note = note
        self._cushion = Cushion() if live else None
        self._samples = rate * FRAME_MS // 1000
        self._frame = self._samples * 2
        self._fade = rate * FADE_MS // 1000 * 2
        self._limit = int(rate * limit_s) * 2
        self._items: OrderedDict[str, _Item] = OrderedDict()
        self._gone: dict[str, int] = {}
        self._queued = 0
        self._dropped = 0
        self._tail: bytes | None = None
        self._lead: deque[Packet] = deque(maxlen=LEAD)
        self._reader: Reader | None = None
        self._last = bytes(self._frame)
        self._ahead: stretch.Sound | None = None
        """What would follow if nothing else came, after a frame of it had to be played."""
        self._sounding = False
        self._paused = False
        self._fade_in = False

    @property
    def queued_ms(self) -> int:
        """Milliseconds that wait to be played."""
        return self._ms(self._queued)

    @property
    def dropped_ms(self) -> int:
        """Milliseconds that were over the limit."""
        return self._ms(self._dropped)

    @property
    def due(self) -> bool:
        """Whether there is a frame to pull, cushion or not."""
        return self._queued >= self._frame and not self._paused

    @property
    def paused(self) -> bool:
        """Whether :meth:`pause` holds the queue."""
        return self._paused

    @property
    def underruns(self) -> int:
        """How often a frame of live sound was late, and one was made up."""
        return self._cushion.underruns if self._cushion else 0

    @property
    def given_up(self) -> int:
        """How often live sound was shortened, for more of it waited than its jitter asks for."""
        return self._cushion.given_up if self._cushion else 0

    def push(self, item_id: str, pcm: bytes) -> None:
        """Queue sound of any length for an item."""
        item = self._item(item_id)
        room = self._limit - self._queued
        if len(pcm) > room:
            self._dropped += len(pcm) - room
            pcm = pcm[: room & ~1]
        item.sound += pcm
        self._queued += len(pcm)

    def push_packets(self, item_id: str, packets: Sequence[Packet]) -> None:
        """Queue packets of 20 ms for an item; where they cannot stay what they are they are decoded at once."""
        item = self._item(item_id)
        if item.sound or self._cushion:
            self._reader = self._reader or Reader(self._rate)
            self.push(item_id, self._reader.pcm(packets))
            return
        room = max(0, (self._limit - self._queued) // self._frame)
        self._dropped += max(0, len(packets) - room) * self._frame
        kept = packets[:room]
        item.packets.extend(kept)
        self._queued += len(kept) * self._frame

    def finish(self, item_id: str) -> None:
        """No more comes for this item; PlayoutFinished follows when its last sample has left, also if it has none."""
        self._item(item_id).finished = True

    def pull(self, now: float) -> Frame | None:
        """Return exactly one frame of 20 ms, or None when there is nothing to say; call it each 20 ms."""
        item = self._head(now)
        if self._tail is not None:
            frame, self._tail = self._tail, None
            return frame
        if self._paused:
            return self._fall_silent(item)
        if item is None or not self._has_frame(item):
            return self._run_dry(item)
        return self._take(item, now)

    def pause(self) -> None:
        """Be silent within one frame and keep the queue."""
        self._paused = True

    def resume(self) -> None:
        """Go on where :meth:`pause` stopped."""
        self._fade_in |= self._paused and not self._sounding
        self._paused = False

    def clear(self) -> tuple[Played, ...]:
        """Forget the queue; the next pull is a short fade, then silence. Returns what left of each unfinished item."""
        if self._sounding and self._items:
            self._tail = self._faded_out(self._coming(next(iter(self._items.values()))))
        self._ahead = None
        played = tuple(Played(item.id, self._ms(item.left)) for item in self._items.values())
        for item in self._items.values():
            self._remember(item)
        self._items.clear()
        self._queued = 0
        self._sounding = self._paused = self._fade_in = False
        if self._cushion:
            self._cushion.rest()
        return played

    def played(self, item_id: str) -> int:
        """Milliseconds of this item that have left; 0 for one that is not known."""
        item = self._items.get(item_id)
        return self._ms(item.left if item else self._gone.get(item_id, 0))

    # --- the inside ---------------------------------------------------------------------------------------------------

    def _ms(self, size: int) -> int:
        return size * 500 // self._rate

    def _item(self, item_id: str) -> _Item:
        item = self._items.get(item_id)
        if item is None:
            item = self._items[item_id] = _Item(item_id)
        return item

    def _head(self, now: float) -> _Item | None:
        """Return the item that plays, after saying goodbye to those whose last frame has left.

        A frame is 20 ms long: it has left when the next pull comes. What is said may well call back into this queue.
        """
        while self._items:
            item = next(iter(self._items.values()))
            if not item.finished or item.packets or len(item.sound) > 1:
                return item
            self._end(item, now)
        return None

    def _end(self, item: _Item, now: float) -> None:
        self._queued -= len(item.sound)
        del self._items[item.id]
        self._remember(item)
        if self._ahead is not None:
            self._tail, self._ahead = self._faded_out(self._coming(item)), None
        self._sounding = False
        if self._cushion:
            self._cushion.rest()
        self._note(PlayoutFinished(item.id, self._ms(item.left), now))

    def _remember(self, item: _Item) -> None:
        remember(self._gone, item.id, item.left, REMEMBERED)

    def _has_frame(self, item: _Item) -> bool:
        queued = len(item.sound) // self._frame
        if self._cushion and not self._cushion.ready(queued, complete=item.finished):
            return False
        return queued > 0 or bool(item.packets) or item.finished

    def _run_dry(self, item: _Item | None) -> bytes | None:
        """Make up for one frame of live sound that is late; what is later than that fades out and is waited for."""
        if item is None or not self._sounding or not self._cushion:
            self._sounding = False
            return None
        if self._ahead is None:
            self._cushion.ran_dry()
            ahead = stretch.continued(np.frombuffer(self._last, "<i2"), self._rate, 3 * self._samples)
            self._ahead = ahead[self._samples :]
            return ahead[: self._samples].tobytes()
        last, self._ahead = self._ahead[: self._samples], None
        self._cushion.rest()
        self._sounding, self._fade_in = False, True
        return (last * np.linspace(1.0, 0.0, len(last), dtype=np.float32)).astype("<i2").tobytes()

    def _take(self, item: _Item, now: float) -> Frame:
        frame = self._cut_packet(item) if item.packets else self._cut_frame(item)
        self._sounding = True
        if not item.started:
            item.started = True
            self._note(PlayoutStarted(item.id, now))
        return frame

    def _cut_packet(self, item: _Item) -> Packet:
        """Take a packet; a decoder that has heard silence begins softly by itself."""
        self._fade_in = False
        packet = item.packets.popleft()
        self._lead.append(packet)
        item.left += self._frame
        self._queued -= self._frame
        return packet

    def _cut_frame(self, item: _Item) -> bytes:
        if self._ahead is not None:
            frame = self._joined(item, self._ahead)
        elif self._cushion and self._cushion.pulled(len(item.sound) // self._frame - 1):
            frame = self._with_some_given_up(item, self._cushion)
        else:
            frame = self._cut(item, self._frame)
        if len(frame) < self._frame:
            frame += bytes(self._frame - len(frame))
        if self._fade_in:
            frame = self._faded_in(frame)
        self._last = frame
        return frame

    def _cut(self, item: _Item, size: int) -> bytes:
        """Take up to ``size`` bytes from the front; deleting there costs a bytearray nothing."""
        piece = bytes(item.sound[: min(size, len(item.sound) & ~1)])
        del item.sound[: len(piece)]
        item.left += len(piece)
        self._queued -= len(piece)
        return piece

    def _joined(self, item: _Item, ahead: stretch.Sound) -> bytes:
        """Go on from what was made up to what has come meanwhile; what does not fit into the frame waits for the next."""
        self._ahead = None
        sound = np.frombuffer(item.sound[: min(self._frame, len(item.sound) & ~1)], "<i2")
        if len(sound) < self._fade // 2:  # the last crumb of an item
            return self._cut(item, self._frame)
        joined = stretch.joined(ahead, sound, self._rate, self._samples // 2)
        self._cut(item, self._frame - 2 * (len(joined) - len(sound)))
        return joined[: self._samples].tobytes()

    def _with_some_given_up(self, item: _Item, cushion: Cushion) -> bytes:
        """Take a frame in the time of up to two: where nobody will miss it or, when nothing quiet came for long, spliced.

        The milliseconds that are skipped count as played, for they are no longer to come.
        """
        quiet = peak(item.sound[: self._frame]) < QUIET
        if not quiet and not cushion.overdue:
            return self._cut(item, self._frame)
        pair = np.frombuffer(item.sound[: 2 * self._frame], "<i2")
        short = stretch.shortened(pair, self._rate, self._samples if quiet else self._samples // 2, self._samples)
        self._cut(item, self._frame + 2 * (len(pair) - len(short)))
        cushion.gave_up()
        return short[: self._samples].tobytes()

    def _coming(self, item: _Item) -> bytes:
        """Return the next 5 ms, for a fade: from the queue or, where more is to come and has not, what would follow."""
        if item.packets:
            return decoded(self._lead, (item.packets[0],), self._rate)[: self._fade]
        if self._ahead is not None:
            return self._ahead[: self._fade // 2].tobytes()
        if item.finished or len(item.sound) >= self._fade:
            return bytes(item.sound[: self._fade])
        return stretch.continued(np.frombuffer(self._last, "<i2"), self._rate, self._fade // 2).tobytes()

    def _fall_silent(self, item: _Item | None) -> bytes | None:
        if not self._sounding or item is None:
            return None
        self._sounding = False
        coming, ahead = self._coming(item), self._ahead
        self._ahead = None
        if ahead is None and not item.packets:
            self._cut(item, self._fade)
        return self._faded_out(coming)

    def _faded_out(self, piece: bytes) -> bytes | None:
        samples = np.frombuffer(piece[: len(piece) & ~1], "<i2")
        if not len(samples):
            return None
        faded = (samples * np.linspace(1.0, 0.0, len(samples), dtype=np.float32)).astype("<i2").tobytes()
        return faded + bytes(self._frame - len(faded))

    def _faded_in(self, frame: bytes) -> bytes:
        self._fade_in = False
        samples = np.frombuffer(frame[: self._fade], "<i2")
        ramp = np.linspace(0.0, 1.0, len(samples), dtype=np.float32)
        return (samples * ramp).astype("<i2").tobytes() + frame[self._fade :]
