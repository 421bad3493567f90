"""A lean caller that asks the same question again and again: how long after its voice the first sound of the answer comes.

The voice is a clip of real speech, cut in the middle of a word, so that its last packet is voice. Its end is the moment
when the last packet leaves whose decoded sound is audible; the answer begins when the first such packet comes back. Between
turns the caller is silent, and where the server asks for DTX it sends next to nothing then.

usage: python -m benchmarks.questions http://localhost:8080 --model MODEL --turns 5
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import psutil
import soxr
from numpy.typing import NDArray

from benchmarks import quiet
from benchmarks.client import Caller
from benchmarks.generator import Generator, Speaker
from benchmarks.sound import FRAME, RATE, Ear
from mediaserver.audio.opus import OpusEncoder, OpusSettings
from tests.clips import RATE as CLIP_RATE
from tests.clips import clip

CLIP = "cards_001"
LOUD_DB = -30.0
"""The voice is cut after its last frame that is so loud (RMS)."""

LEVEL_DB = -20.0
"""The voice's own, RMS: quiet recordings are no voice to some detectors."""

AUDIBLE = 0.01
"""-40 dBFS: weaker is a room, or what a codec leaves."""

BEFORE, AFTER = 50, 400
"""Frames of silence around the voice, for the encoder: before it, and as many as are ever sent after it."""

REST = 30
"""Frames without sound after which an answer is over: longer than a gap between two sentences."""

DTX_BYTES = 2
"""A packet that holds no more is silence: sent by DTX from time to time, and never heard here as what went before."""

LATE_S = 0.005
"""A packet of the caller's own that leaves so much too late: the machine was busy with something else."""


@dataclass(frozen=True, slots=True)
class Script:
    """The packets of a question, ``None`` where DTX sends nothing, and which one is the last with voice."""

    packets: tuple[bytes | None, ...]
    last: int


@dataclass(slots=True)
class Turn:
    """When the voice ended and when the answer's first sound came, in seconds of ``perf_counter``; ``None``: never."""

    ended: float
    heard: float | None = None
    held: bool = False
    """The caller itself was late meanwhile."""


@dataclass(slots=True)
class Asked:
    """All turns of a call, and what strangers used of the machine meanwhile, in percent of one core."""

    turns: list[Turn] = field(default_factory=list)
    foreign_pct: float = 0.0


def voice() -> NDArray[np.int16]:
    """Return the clip at 48 kHz, in whole frames, cut so that its last one is voice."""
    samples = np.frombuffer(clip(CLIP).pcm, np.int16).astype(np.float32) / 32768
    size = CLIP_RATE // 50
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    loud = np.flatnonzero(20 * np.log10(np.sqrt((frames**2).mean(axis=1)) + 1e-9) > LOUD_DB)
    spoken = frames[max(0, loud[0] - 5) : loud[-1] + 1].reshape(-1)
    spoken = spoken * 10 ** (LEVEL_DB / 20) / np.sqrt((spoken**2).mean())
    upsampled = soxr.resample(spoken, CLIP_RATE, RATE)
    return (np.clip(upsampled, -1, 1) * 32767).astype(np.int16)


def script(*, dtx: bool) -> Script:
    """Return the question as packets."""
    spoken, room = voice(), np.random.default_rng(1)
    sound = np.concatenate([np.zeros(BEFORE * FRAME, np.int16), spoken, np.zeros(AFTER * FRAME, np.int16)])
    sound = sound + room.integers(-2, 3, len(sound)).astype(np.int16)
    encoder = OpusEncoder(RATE, OpusSettings(fec=True, dtx=dtx))
    packets = [encoder.encode(frame.tobytes()) for frame in sound.reshape(-1, FRAME)][BEFORE:]
    encoder.close()
    ear = Ear()
    audible = [index for index, packet in enumerate(packets) if ear.level(packet) > AUDIBLE]
    sent = (packet if len(packet) > DTX_BYTES else None for packet in packets)
    return Script(tuple(sent), audible[-1])


class Asker(Speaker):
    """The caller: asks, waits for the answer to be over, and asks again."""

    def __init__(self, *told) -> None:
        super().__init__(*told)
        self.turns: list[Turn] = []
        self._script: Script | None = None
        self._frame = AFTER  # silence, until the first question is asked
        self._rest = 0
        self._due = 0.0
        self.asking = False

    @property
    def resting(self) -> bool:
        """Whether the last answer is over, or never came."""
        over = not self.turns or self.turns[-1].heard is not None or self._frame >= AFTER
        return over and self._rest >= REST

    def ask(self) -> None:
        """Begin the next question."""
        self._frame, self._rest, self.asking = 0, 0, True

    def speak(self, at: float) -> None:
        """Send the next 20 ms."""
        if self._script is None:
            self._script = script(dtx=self.caller.dtx)
        self._late(at)
        packet = self._script.packets[min(self._frame, len(self._script.packets) - 1)]
        if packet is None:
            self.caller.skip()
        else:
            self.caller.send(packet)
        if self.asking and self._frame == self._script.last:
            self.turns.append(Turn(at))
            self.asking = False
        self._frame += 1
        self._rest += 1

    def listen(self) -> None:
        """Hear what has come since."""
        new, self._read = self.caller.packets[self._read :], len(self.caller.packets)
        for packet in new:
            if len(packet.payload) > DTX_BYTES and self._ear.level(packet.payload) > AUDIBLE:
                self._sound(packet.at)

    def _sound(self, at: float) -> None:
        self._rest = 0
        if self.turns and not self.asking and self.turns[-1].heard is None:
            self.turns[-1].heard = at

    def _late(self, at: float) -> None:
        if self._due and at - self._due > LATE_S and self.turns:
            self.turns[-1].held = True
        self._due = at + FRAME / RATE


class Questions(Generator):
    """One call."""

    SETTLE_S = 1.5

    def ask(self, turns: int, ours: Iterable[int]) -> Asked:
        """Connect, ask so many times, hang up; what the processes ``ours`` use is no stranger's."""
        try:
            self._call(0)
            self._until_connected()
            self._serve(self.SETTLE_S)
            foreign = quiet.Foreign(*map(psutil.Process, ours))
            speaker = self._speakers[0]
            for _ in range(turns):
                self._turn(speaker)
            return Asked(speaker.turns, foreign.pct())
        finally:
            self._hang_up()

    def _turn(self, speaker: Asker) -> None:
        while not speaker.resting:
            self._serve(0.05)
        speaker.ask()
        asked = len(speaker.turns)
        while len(speaker.turns) == asked or not speaker.resting:
            self._serve(0.05)

    def speaker(self, index: int, caller: Caller, ear: Ear | None, packets: list[bytes], marks: dict) -> Asker:
        """Return who speaks."""
        return Asker(caller, ear, 0, packets, marks)


def main() -> None:
    """Make one call and print its turns as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--model", default="")
    parser.add_argument("--key", default="sk-local")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument(
        "--ours", type=int, nargs="*", default=[], metavar="PID", help="processes that are no strangers"
    )
    parser.add_argument("--core", type=int, help="pin the caller to this core")
    args = parser.parse_args()
    if args.core is not None:
        os.sched_setaffinity(0, {args.core})
    asked = Questions(args.url, args.model, args.key).ask(args.turns, args.ours)
    print(json.dumps(dataclasses.asdict(asked)))


if __name__ == "__main__":
    main()
