"""Callers that take turns: each speaks, then is silent until the answer is over, again and again.

usage: python -m benchmarks.turns http://localhost:8080 --model MODEL --calls 4 --seconds 6.7 --pid <server>
"""

from __future__ import annotations

import fractions
from functools import cache

import av
import numpy as np

from benchmarks.client import Caller, Packet
from benchmarks.generator import Generator, Speaker, main
from benchmarks.sound import FRAME, LOOP, RATE, Ear

TURN = 150
"""Frames of 20 ms that the caller speaks, and the provider after it; whole seconds, so that no burst is cut."""

MARGIN = 35
"""Frames of silence besides: 200 ms until the provider knows that the turn is over, 500 ms for every other delay."""

PERIOD = 2 * TURN + MARGIN
PERIOD_S = PERIOD * FRAME / RATE
SECONDS = LOOP * FRAME // RATE
SOUND_BYTES = 60
"""RTP packets of this size, encrypted, hold sound; those of silence are smaller."""

KEEP_ALIVE = 20
"""With DTX one frame in so many is sent in silence (RFC 7587 §3.1.3: every 400 ms) ..."""

HANGOVER = 10
"""... after so many that are sent all the same: libopus wants to be sure that it is one."""

_SPREAD = 0.618
"""Of a period between two callers' beginnings: at each moment about as many speak as listen."""


@cache
def silence() -> bytes:
    """Return 20 ms of a quiet room, as Opus."""
    encoder = av.CodecContext.create("libopus", "w")
    encoder.bit_rate, encoder.format, encoder.layout, encoder.sample_rate = 32000, "s16", "mono", RATE
    encoder.options = {"application": "voip", "frame_duration": "20"}
    encoder.time_base = fractions.Fraction(1, RATE)
    noise, packets = np.random.default_rng(1), []
    for number in range(10):
        sound = noise.integers(-2, 3, (1, FRAME)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(sound, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, number * FRAME, encoder.time_base
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    return packets[-1]


class TurnSpeaker(Speaker):
    """A caller that takes turns; where the server asks for DTX it sends next to nothing in silence."""

    def __init__(self, index: int, *told) -> None:
        super().__init__(*told)
        self._frame = -int(index * _SPREAD % 1 * PERIOD)
        self.spoken = 0

    def speak(self, at: float) -> None:
        """Send the next 20 ms, of sound or of silence."""
        place, self._frame = self._frame % PERIOD, self._frame + 1
        if self._frame > 0 and place < TURN:
            self.spoken += 1
            super().speak(at)
        elif self.caller.dtx and place >= TURN + HANGOVER and place % KEEP_ALIVE:
            self.caller.skip()
        else:
            self.caller.send(silence())

    def start_measuring(self) -> None:
        """Forget the warm-up, but not the bursts whose answer is still to come."""
        flying = dict(self._flying)
        super().start_measuring()
        self._flying |= flying
        self.spoken = 0

    def counted(self) -> list[Packet]:
        """Return the packets with sound."""
        return [packet for packet in self.caller.packets if packet.size >= SOUND_BYTES]

    def lost_pct(self, elapsed: float) -> float:
        """Return how much of what was said did not come back as sound, in percent; right over whole periods."""
        sound = len({packet.sequence for packet in self.counted()})
        return max(0.0, 100 * (1 - sound / self.spoken)) if self.spoken else 100.0


class TurnGenerator(Generator):
    """Callers that take turns."""

    WARM_UP_S = PERIOD_S

    def speaker(self, index: int, caller: Caller, ear: Ear | None, packets: list[bytes], marks: dict) -> Speaker:
        """Return who speaks in a call."""
        return TurnSpeaker(index, caller, ear, index % SECONDS * 50, packets, marks)


if __name__ == "__main__":
    main(TurnGenerator)
