"""Both sides of a call on one time line, out of frames that come when they come. Pure: frames and ``at`` in, blocks out.

The caller's frames come by his own clock, late by a jitter that changes, in bursts, or not at all; ours leave by the 20 ms
clock while there is something to say. Each side is a :class:`Lane`. What came the least late says where a side belongs, for
nothing comes before it was said; what is held back for ``HOLD_S`` may still be moved there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

import numpy as np

from mediaserver.audio import stretch
from mediaserver.audio.levels import is_silent

BLOCK_S = 0.5
"""Seconds in a block: what is given to a disk at once."""

HOLD_S = 0.5
"""Seconds that a side is held back: a frame later than that cannot be put in its place any more."""

AHEAD_S = 10.0
"""Seconds of sound that a client may send before their time; what is more is dropped and counted."""

TOLERANCE_S = 0.005
"""A side that is off by less is left alone."""

FORCE_S = 0.01
"""A side that is off by more is put right also where it is not quiet ..."""

HURRY_S = 0.5
"""What is ahead by more was sent in a hurry: it is left alone unless it stays so, and is cut where it is quiet only."""

EVERY_S = 0.2
"""Between two splices where it is not quiet."""

QUIET = 200
"""Peak (of 32767) under which a splice is not heard, about -44 dBFS."""

BUCKETS, BUCKET_S = 8, 0.5
"""For so long (4 s) all frames must have been late before the side is said to be late."""

BURST_S = 0.01
"""What comes sooner after another came with it: such sound is not cut before its burst is over."""

LOOK_S = 0.1
"""Between two looks for a place to put things right."""

RECENT = 25
"""Pieces, at most, among which a place for a splice is sought."""


@dataclass(slots=True)
class _Piece:
    """Sound whose first sample lies at ``start`` of the side's time line."""

    start: int
    sound: bytes
    quiet: bool | None = None

    @property
    def end(self) -> int:
        return self.start + len(self.sound) // 2

    def is_quiet(self) -> bool:
        if self.quiet is None:
            self.quiet = int(np.abs(np.frombuffer(self.sound, "<i2").astype(np.int32)).max(initial=0)) < QUIET
        return self.quiet


@dataclass(slots=True)
class _Bucket:
    index: int
    least: int


class Lane:
    """One side: PCM16 mono at ``rate`` Hz, of any length, that began (``ends``: ended) at a moment in seconds.

    ``gap_s`` is how late something must come to be sound after a pause rather than sound that was held up.
    """

    def __init__(self, rate: int, *, ends: bool, gap_s: float) -> None:
        self.dropped_ms = 0
        self.splices = 0
        self._rate = rate
        self._ends = ends
        self._gap = int(gap_s * rate)
        self._frame = rate // 50
        self._taken = 0
        self._pieces: list[_Piece] = []
        self._lateness: deque[_Bucket] = deque(maxlen=BUCKETS)
        self._next_splice = 0.0
        self._next_look = 0.0
        self._came = 0.0

    @property
    def empty(self) -> bool:
        """Whether nothing is held back."""
        return not self._pieces

    @property
    def end_s(self) -> float:
        """Seconds at which what is known ends."""
        return self._end / self._rate

    def add(self, pcm: bytes, at: float) -> None:
        """Put sound in its place."""
        pcm = pcm[: len(pcm) & ~1]
        belongs = round(at * self._rate) - (len(pcm) // 2 if self._ends else 0)
        start = self._end
        if start - belongs > AHEAD_S * self._rate:
            self.dropped_ms += len(pcm) * 500 // self._rate
            return
        if not self._pieces or belongs - start > self._gap:
            start = max(start, belongs)
            self._lateness.clear()
        piece = _Piece(start, pcm)
        self._pieces.append(piece)
        tolerance = int(TOLERANCE_S * self._rate)
        if piece.start - belongs > tolerance:
            self._close_gaps(piece.start - belongs)
        late = belongs - piece.start
        if late < 0 or not is_silent(pcm):  # silence that somebody made up, because nothing came, comes late by nature
            self._note(late, at)
        burst, self._came = at - self._came < BURST_S, at
        off = 0 if burst or at < self._next_look else self._off()
        if abs(off) > tolerance:
            self._next_look = at + LOOK_S
            self._put_right(off, at)

    def skip(self, until: int) -> None:
        """Let time pass in which nothing was."""
        self._taken = until

    def take(self, until: int) -> bytes | None:
        """Return what lies before the sample ``until`` and after what was taken last; ``None`` for silence."""
        sound, begin = bytearray(2 * (until - self._taken)), self._taken
        self._taken = until
        while self._pieces and self._pieces[0].start < until:
            piece = self._pieces.pop(0)
            fits = 2 * (until - piece.start)
            place = 2 * (piece.start - begin)
            sound[place : place + min(fits, len(piece.sound))] = piece.sound[:fits]
            if piece.end > until:
                self._pieces.insert(0, _Piece(until, piece.sound[fits:], piece.quiet))
        return None if is_silent(bytes(sound)) else bytes(sound)

    # --- the inside ---------------------------------------------------------------------------------------------------

    @property
    def _end(self) -> int:
        return self._pieces[-1].end if self._pieces else self._taken

    def _close_gaps(self, most: int) -> None:
        """What comes now came early: so what it follows was not that late, and the pauses before it were shorter."""
        for index in range(len(self._pieces) - 1, max(-1, len(self._pieces) - RECENT), -1):
            before = self._pieces[index - 1].end if index else self._taken
            closed = min(most, self._pieces[index].start - before)
            if closed > 0:
                self._move(index, -closed)
                most -= closed
            if most <= 0:
                return

    def _move(self, first: int, by: int) -> None:
        for piece in self._pieces[first:]:
            piece.start += by
        for bucket in self._lateness:
            bucket.least -= by

    def _note(self, late: int, at: float) -> None:
        index = int(at / BUCKET_S)
        if self._lateness and self._lateness[-1].index == index:
            self._lateness[-1].least = min(self._lateness[-1].least, late)
        else:
            self._lateness.append(_Bucket(index, late))

    def _off(self) -> int:
        """Return by how many samples everything of the last seconds was late; less than 0 when anything was early."""
        least = min((bucket.least for bucket in self._lateness), default=0)
        return least if least < 0 or len(self._lateness) == BUCKETS else 0

    def _put_right(self, off: int, at: float) -> None:
        """Take out what is too much, or say more: where it is quiet at once, elsewhere a little and not all the time."""
        tolerance, hurried = TOLERANCE_S * self._rate, off < -HURRY_S * self._rate
        if hurried and len(self._lateness) < BUCKETS:
            return
        for index in range(len(self._pieces) - 2, max(-1, len(self._pieces) - RECENT), -1):
            if abs(off) <= tolerance:
                return
            if self._joined(index) and self._pieces[index].is_quiet() and self._pieces[index + 1].is_quiet():
                exactly = min(abs(off), self._frame)
                off -= self._splice(index, off, exactly, exactly)
        if abs(off) >= FORCE_S * self._rate and not hurried and at >= self._next_splice:
            self._splice_anywhere(off, at)

    def _splice_anywhere(self, off: int, at: float) -> None:
        index = len(self._pieces) - 2
        if index >= 0 and self._joined(index):
            self._next_splice = at + EVERY_S
            least = int(stretch.LEAST * self._rate)
            self._splice(index, off, least, min(self._frame, max(abs(off), 3 * least)))

    def _joined(self, index: int) -> bool:
        """Whether two pieces follow each other and are long enough to be one with a splice."""
        one, other = self._pieces[index], self._pieces[index + 1]
        return one.end == other.start and len(one.sound) + len(other.sound) >= 4 * self._frame

    def _splice(self, index: int, off: int, least: int, most: int) -> int:
        """Make two pieces one, shorter or longer by ``least`` to ``most`` samples; return by how many."""
        one, other = self._pieces[index : index + 2]
        sound = np.frombuffer(one.sound + other.sound, "<i2")
        change = stretch.lengthened if off > 0 else stretch.shortened
        made = change(sound, self._rate, least, most)
        self._pieces[index : index + 2] = [_Piece(one.start, made.astype("<i2").tobytes())]
        self._move(index + 1, len(made) - len(sound))
        self.splices += 1
        return len(made) - len(sound)


@dataclass(frozen=True, slots=True)
class Block:
    """Half a second of both sides, the ``number``-th from 0: PCM16 mono each at its own rate, ``None`` for silence."""

    number: int
    heard: bytes | None
    played: bytes | None


class Recording:
    """A call that began at ``began`` (monotonic seconds); ``put`` is given its blocks, each one once, in order.

    ``hear_rate`` and ``play_rate`` in Hz, multiples of 100. Blocks in which nothing can have been are left out. A caller's
    frame ended when it came, ours begins when it leaves: so a pause between the two is as long as the caller waited here.
    """

    def __init__(self, began: float, hear_rate: int, play_rate: int, put: Callable[[Block], None]) -> None:
        self._began = began
        self._put = put
        self._heard = Lane(hear_rate, ends=True, gap_s=0.1)
        self._played = Lane(play_rate, ends=False, gap_s=0.01)
        self._lanes = (self._heard, hear_rate), (self._played, play_rate)
        self._done = 0

    @property
    def dropped_ms(self) -> int:
        """Milliseconds of the caller's that came too far before their time."""
        return self._heard.dropped_ms

    def heard(self, pcm: bytes, at: float) -> None:
        """Take what came from the caller at ``at``."""
        self._advance(at)
        self._heard.add(pcm, at - self._began)

    def played(self, pcm: bytes, at: float) -> None:
        """Take what began to leave for the caller at ``at``."""
        self._advance(at)
        self._played.add(pcm, at - self._began)

    def finish(self, at: float) -> int:
        """Put what is left; return how many blocks the call lasted, those that were left out included."""
        last = max(at - self._began, self._heard.end_s, self._played.end_s)
        blocks = ceil(last / BLOCK_S)
        while self._done < blocks and not self._empty:
            self._block()
        return blocks

    def _advance(self, at: float) -> None:
        due = int((at - self._began - HOLD_S) / BLOCK_S)
        while self._done < due and not self._empty:
            self._block()
        if self._done < due:
            self._done = due
            for lane, rate in self._lanes:
                lane.skip(round(due * BLOCK_S * rate))

    @property
    def _empty(self) -> bool:
        return self._heard.empty and self._played.empty

    def _block(self) -> None:
        number, self._done = self._done, self._done + 1
        heard, played = (lane.take(round(self._done * BLOCK_S * rate)) for lane, rate in self._lanes)
        self._put(Block(number, heard, played))
