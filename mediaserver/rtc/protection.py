"""How much a stream is protected against loss, from what the far end reports: FEC, copies, bitrate. Pure.

A higher loss is believed at once, a lower one by and by. Copies (RFC 2198) bring back whole packets at the price of as many
packets more; in-band FEC brings back a coarse copy out of the same bitrate. The bitrate is raised only where FEC is alone:
with copies there is twice as much on the wire already, and a path that loses because it is full must not get more. All of
it stays within the far end's ``maxaveragebitrate`` (RFC 7587 §6.1).
"""

from __future__ import annotations

from dataclasses import dataclass

BELIEF = 0.25
"""How much of a lower loss report is believed at once; a higher one is believed whole."""

CALM_S = 10.0
"""Seconds that the loss has to stay low before one copy less is sent."""

FEW = 10
"""Packets: in silence hardly any are sent, and one that is lost would look like a storm."""

MOST_EXPECTED = 30
"""Percent of loss that the encoder is told at most."""

MOST_BITRATE = 128000


@dataclass(frozen=True, slots=True)
class _Copies:
    """So many copies are sent from a loss of ``on`` until it was below ``off`` for CALM_S."""

    on: float
    off: float


COPIES = (_Copies(on=0.03, off=0.01), _Copies(on=0.15, off=0.08))
"""For the first copy and for the second."""

RAISES = ((0.10, 1.5), (0.03, 1.25), (0.0, 1.0))
"""From this loss on: how many times the bitrate is sent while FEC takes its part of it."""


@dataclass(frozen=True, slots=True)
class Means:
    """What can be done: the bitrate in bit/s, the most that the far end takes, whether FEC and copies are agreed."""

    bitrate: int
    most: int = MOST_BITRATE
    fec: bool = False
    copies: bool = False


@dataclass(frozen=True, slots=True)
class Shield:
    """What is done: the loss that the encoder expects, in percent, its bit/s, and how many packets each packet repeats."""

    expected: int
    bitrate: int
    copies: int


class Protection:
    """Give it every report; ask it what to do. ``loss`` (0..1) is what is believed."""

    def __init__(self) -> None:
        self.loss = 0.0
        self._copies = 0
        self._calm_since: float | None = None

    def report(self, loss: float, packets: int, now: float) -> None:
        """Take the part (0..1) that was lost of the ``packets`` since the last report; too few of them say nothing."""
        if packets < FEW:
            return
        self.loss = loss if loss > self.loss else self.loss + (loss - self.loss) * BELIEF
        wanted = sum(self.loss >= step.on for step in COPIES)
        if wanted > self._copies:
            self._copies, self._calm_since = wanted, None
        elif not self._copies or self.loss >= COPIES[self._copies - 1].off:
            self._calm_since = None
        elif self._calm_since is None:
            self._calm_since = now
        elif now - self._calm_since >= CALM_S:
            self._copies, self._calm_since = self._copies - 1, None

    def shield(self, means: Means) -> Shield:
        """Return what is to be done with these means."""
        copies = min(self._copies, max(means.most // means.bitrate - 1, 0)) if means.copies else 0
        raised = means.bitrate
        if means.fec and not copies:
            raised = round(means.bitrate * next(times for loss, times in RAISES if self.loss >= loss))
        return Shield(
            expected=min(round(self.loss * 100), MOST_EXPECTED),
            bitrate=max(means.bitrate, min(raised, means.most)),
            copies=copies,
        )
