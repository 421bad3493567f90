"""How much live sound to hold back before it is played: as little as its jitter allows. Pure, counted in 20 ms frames."""

from __future__ import annotations

WINDOW = 50
"""Pulls (1 s) over which the queue must have been a frame too deep before one is given up; less when it is deeper."""

SHORTEST = 10
"""Pulls (0.2 s) that are watched in any case: no live source sends longer pieces."""

STEADY = 100
"""Pulls (2 s) without a miss, after which the next one stands alone: another clock, or a moment's stall, and no jitter that
is worth a frame of delay all the time."""

LONE = 15
"""Pulls (0.3 s) instead of a whole window after a miss that stood alone: what it left in the queue is given up soon."""

MOST = 15
"""The deepest cushion, 300 ms: a source that stutters more than that stutters."""


class Cushion:
    """Grows a frame each time jitter lets the sound run dry; says when the queue was deeper than needed for a second.

    Start :meth:`ready` with the frames at hand, then tell :meth:`pulled` what each pull left behind.
    """

    def __init__(self) -> None:
        self.frames = 1
        self.underruns = 0
        self.given_up = 0
        self._filling = True
        self._least = self._block_least = MOST
        self._pulls = self._block = 0
        self._smooth = 0
        self._window = WINDOW

    def ready(self, queued: int, *, complete: bool) -> bool:
        """Say whether to play now; ``complete``: no more will come, so there is nothing to wait for."""
        if self._filling and (complete or queued >= self.frames):
            self._filling = False
            self._forget()
        return not self._filling

    def ran_dry(self) -> None:
        """The next frame was due and had not come: its time was played without it, so one more is held back from now on."""
        self.underruns += 1
        lone = self._smooth >= STEADY
        if not lone:
            self.frames = min(self.frames + 1, MOST)
        self._window = LONE if lone else WINDOW
        self._smooth = 0
        self._forget()

    def rest(self) -> None:
        """The sound ended, was cut, or has not come for longer: fill again before the next."""
        self._filling = True

    def pulled(self, left: int) -> bool:
        """Note the frames left after a pull; True when one can be given up without running dry."""
        self._smooth += 1
        if left == 0:  # nothing to spare: what was before it says nothing about what comes
            self._forget()
            return False
        self._least = min(self._least, left)
        self._pulls += 1
        self._look_at_the_block(left)
        return self._pulls >= max(SHORTEST, self._window // self._least)

    def _look_at_the_block(self, left: int) -> None:
        """Where a whole piece left far more than some pull before, much came at once and stays: count from it."""
        self._block_least = min(self._block_least, left)
        self._block += 1
        if self._block < SHORTEST:
            return
        if self._block_least > self._least + 1:
            self._least, self._pulls = self._block_least, SHORTEST
        self._block, self._block_least = 0, MOST

    @property
    def overdue(self) -> bool:
        """No quiet frame came along for as long again, or the delay is worse than a splice in the sound anyway."""
        return self._least > 1 or self._pulls >= 2 * self._window

    def gave_up(self) -> None:
        """A frame, or a good part of one, was given up: measure afresh."""
        self.given_up += 1
        self.frames = max(1, self.frames - 1)
        self._window = WINDOW
        self._forget()

    def _forget(self) -> None:
        self._least = self._block_least = MOST
        self._pulls = self._block = 0
