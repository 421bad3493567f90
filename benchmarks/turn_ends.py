"""Does loss look like the end of a turn? Spoken turns through Opus and a lossy network, in virtual time."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.promises import Line
from mediaserver.audio.inbound import Offset
from mediaserver.audio.opus import OpusEncoder, OpusSettings
from mediaserver.commands import Command
from mediaserver.conversation.listening import Listening
from mediaserver.conversation.outbox import Outbox
from mediaserver.rtc import rtp
from mediaserver.rtc.codecs import Agreed, Codec
from mediaserver.rtc.receiver import AudioReceiver
from mediaserver.settings import TurnDetection
from signaling.evaluate.command import SUITE
from signaling.evaluate.noise import RATE
from signaling.evaluate.script import Step, load
from signaling.evaluate.voiced import stretches
from signaling.evaluate.voices import Voices, find_voice
from tests.servers.udp_impair import Fate, Weather

TURNS = 50
FRAME = RATE // 50
OPUS = Codec("opus", 111, 48000, 2)
AGREED = Agreed("0", {111: OPUS}, OPUS)
BEFORE, AFTER = RATE // 2, RATE * 3 // 2
"""Samples of a quiet room around the turn."""

PAUSE = RATE * 2 // 5
"""Samples: a sentence with a longer pause is no turn that a server_vad of 500 ms has to take for one."""

WORDS = 4
DELAY_S = 0.05
_DTX_BYTES = 2

CONDITIONS = (
    (0.0, 1, 0),
    *((loss, burst, 0 if loss <= 0.10 else 2) for burst in (1, 3) for loss in (0.01, 0.05, 0.10, 0.20)),
)
"""Loss, the length of its bursts, and how many false ends of a turn are allowed in all turns."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of the caller: its packets and when each was sent, and when its voice ends, in seconds."""

    packets: tuple[tuple[float, bytes], ...]
    ends: float


class _Nobody:
    """The bridge that what was heard does not go to."""

    def hear(self, pcm: bytes) -> None:
        """Take one frame."""

    def send(self, command: Command) -> None:
        """Take a command."""


async def turn_ends(seconds: float) -> AsyncIterator[Line]:
    """Say every turn through each loss and count the ends that were noticed before the real one."""
    for loss, burst, allowed in CONDITIONS:
        false, found = count(loss, burst, TURNS)
        tried = f"loss {loss:.0%}{' in bursts of 3' if burst > 1 else ''}, {TURNS} scripted turns"
        said = f"{false} false ends, {found} of {TURNS} turns ended after their last word"
        yield Line(tried, f"false ends ≤ {allowed}", said, false <= allowed and found == TURNS)


def count(loss: float, burst: int, turns: int) -> tuple[int, int]:
    """Return how many ends of a turn were noticed in the middle of one, and how many turns ended."""
    false = found = 0
    for seed, samples in enumerate(sentences()[:turns]):
        turn = sent(samples, round(loss * 100))
        ends = noticed(turn, Fate(Weather(loss=loss, burst=burst, delay_ms=DELAY_S * 1000), seed))
        early = sum(end < turn.ends + DELAY_S for end in ends)
        false, found = false + early, found + (len(ends) > early)
    return false, found


@cache
def sentences() -> list[NDArray[np.int16]]:
    """Return the turns of the evaluation's scripts that have no long pause, as sound without silence around it."""
    voices = Voices(find_voice())
    steps = (step for script in load([SUITE]) for step in script.caller if step.say and len(step.say.split()) >= WORDS)
    unique = {str(step.say): Step(say=step.say) for step in steps}
    spoken = (voices.sound(step)[0] for step in unique.values())
    flowing = [(samples * 32767).astype(np.int16) for samples in spoken if _pause(samples) < PAUSE]
    if len(flowing) < TURNS:
        raise RuntimeError(f"only {len(flowing)} of the scripts' sentences have no pause")
    return flowing[:TURNS]


def _pause(samples: NDArray[np.float32]) -> int:
    found = stretches(samples)
    return max((later[0] - earlier[1] for earlier, later in itertools.pairwise(found)), default=0)


def sent(samples: NDArray[np.int16], loss_pct: int) -> Turn:
    """Return a turn as a browser sends it that was asked for DTX and FEC and knows of so much loss."""
    room = np.random.default_rng(1)
    sound = np.concatenate([np.zeros(BEFORE, np.int16), samples, np.zeros(AFTER, np.int16)])
    sound = sound + room.integers(-4, 5, len(sound)).astype(np.int16)
    encoder = OpusEncoder(RATE, OpusSettings(fec=True, dtx=True))
    encoder.expect_loss(loss_pct)
    try:
        packets = tuple(_packets(encoder, sound))
    finally:
        encoder.close()
    return Turn(packets, (BEFORE + stretches(samples / np.float32(32768))[-1][1]) / RATE)


def _packets(encoder: OpusEncoder, sound: NDArray[np.int16]) -> Iterator[tuple[float, bytes]]:
    for index in range(len(sound) // FRAME):
        payload = encoder.encode(sound[index * FRAME : (index + 1) * FRAME].tobytes())
        if len(payload) > _DTX_BYTES:
            yield (index + 1) * 0.02, rtp.serialise(111, False, index, index * 960, 9, payload)


def noticed(turn: Turn, fate: Fate) -> list[float]:
    """Return when an end of speech was certain, in seconds of virtual time."""
    ends: list[float] = []
    listening = Listening(RATE, TurnDetection(), Outbox(_Nobody()))

    def hear(pcm: bytes, at: float) -> None:
        if isinstance(listening.hear(pcm), Offset):
            ends.append(at)

    receiver = AudioReceiver(AGREED, RATE, hear, lambda _: None)
    arrivals = sorted((due, packet) for at, packet in turn.packets for due in fate.of_next(at, len(packet)))
    try:
        _deliver(receiver, arrivals)
    finally:
        receiver.close()
    return ends


def _deliver(receiver: AudioReceiver, arrivals: list[tuple[float, bytes]]) -> None:
    """Bring packets when they are due, and a tick each 20 ms up to two seconds after the last one."""
    tick, last, place = 0.013, arrivals[-1][0] + 2.0, 0
    while tick <= last:
        while place < len(arrivals) and arrivals[place][0] <= tick:
            receiver.rtp(arrivals[place][1], arrivals[place][0])
            place += 1
        receiver.tick(tick)
        tick += 0.02
