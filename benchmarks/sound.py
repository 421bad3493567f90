"""The sound that benchmark callers send, and how its way back is recognised.

Four seconds in a loop: voice-like sound that never pauses, and once a second a burst of tone of 40 ms. The four bursts have
four pitches, so that delays up to four seconds are told apart.
"""

from __future__ import annotations

import fractions
from dataclasses import dataclass, field

import av
import numpy as np
from numpy.typing import NDArray

RATE, FRAME = 48000, 960
LOOP = 4 * 50
"""Frames of 20 ms in the loop."""
PITCHES = (2000, 2500, 3000, 3500)
BURST = RATE * 40 // 1000
WINDOW = 96
"""Samples per detection step: 2 ms."""
LEVEL = 0.12
"""Least amplitude of a tone that counts."""
APART = 100
"""Windows without tone between two bursts."""


def loop() -> NDArray[np.int16]:
    """Return the four seconds, PCM16 mono at 48 kHz."""
    time = np.arange(LOOP * FRAME) / RATE
    pitch = 120 + 25 * np.sin(2 * np.pi * 0.75 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    voice = sum(np.sin(k * phase) / k for k in range(1, 12))
    syllables = 0.35 + 0.65 * np.sin(2 * np.pi * 2 * time) ** 2
    sound = 0.06 * voice * syllables + 0.004 * np.random.default_rng(1).standard_normal(len(time))
    for index, hertz in enumerate(PITCHES):
        start = int((index + 0.5) * RATE)
        sound[start - FRAME : start + BURST + FRAME] *= 0.05
        sound[start : start + BURST] += 0.4 * np.sin(2 * np.pi * hertz * np.arange(BURST) / RATE)
    return (np.clip(sound, -1, 1) * 32767).astype(np.int16)


def encoded() -> list[bytes]:
    """Return the loop as Opus packets of 20 ms, mono at 32 kbit/s, in the encoder's steady state."""
    encoder = av.CodecContext.create("libopus", "w")
    encoder.bit_rate, encoder.format, encoder.layout, encoder.sample_rate = 32000, "s16", "mono", RATE
    encoder.options = {"application": "voip", "frame_duration": "20"}
    encoder.time_base = fractions.Fraction(1, RATE)
    twice, packets = np.tile(loop(), 2), []
    for start in range(0, len(twice), FRAME):
        frame = av.AudioFrame.from_ndarray(twice[None, start : start + FRAME], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, start, encoder.time_base
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    packets += [bytes(packet) for packet in encoder.encode(None)]
    return packets[LOOP : 2 * LOOP]


@dataclass(frozen=True, slots=True)
class Heard:
    """A burst began: which one, and where in its packet (samples from the packet's first; may lie a little before it)."""

    burst: int
    offset: int


@dataclass(slots=True)
class Probe:
    """Notices where bursts begin in a stream of sound."""

    quiet: int = 1 << 30
    rest: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))

    def listen(self, samples: NDArray[np.float32]) -> list[Heard]:
        """Take the next samples (48 kHz, -1..1); returns the bursts that begin in them."""
        start = -len(self.rest)
        samples = np.concatenate([self.rest, samples])
        steps = len(samples) // WINDOW
        self.rest = samples[steps * WINDOW :]
        if not steps:
            return []
        power = np.abs(samples[: steps * WINDOW].reshape(steps, WINDOW) @ _PROBES) ** 2
        return list(self._edges(power.max(axis=1) > _THRESHOLD, power.argmax(axis=1), start))

    def _edges(self, loud: NDArray[np.bool_], which: NDArray[np.intp], start: int) -> list[Heard]:
        found = []
        for step, tone in enumerate(loud):
            if tone and self.quiet > APART:
                found.append(Heard(int(which[step]), start + step * WINDOW))
            self.quiet = 0 if tone else self.quiet + 1
        return found


@dataclass(slots=True)
class Ear:
    """Decodes one stream and notices where bursts begin."""

    decoder: av.CodecContext = field(default_factory=lambda: _decoder())
    probe: Probe = field(default_factory=Probe)

    def hear(self, payload: bytes) -> list[Heard]:
        """Take one Opus packet; returns the bursts that begin in it. What cannot be decoded is silence."""
        return self.probe.listen(self._decoded(payload))

    def level(self, payload: bytes) -> float:
        """Take one Opus packet; returns its largest sample, 0..1."""
        return float(np.abs(self._decoded(payload)).max(initial=0.0))

    def _decoded(self, payload: bytes) -> NDArray[np.float32]:
        try:
            frames = self.decoder.decode(av.Packet(payload))
        except av.FFmpegError:
            return np.zeros(0, np.float32)
        return np.concatenate([np.zeros(0, np.float32), *map(_mono, frames)])


_PROBES = np.exp(-2j * np.pi * np.outer(np.arange(WINDOW), PITCHES) / RATE)
_THRESHOLD = (LEVEL * WINDOW / 2) ** 2


def _decoder() -> av.CodecContext:
    decoder = av.CodecContext.create("libopus", "r")
    decoder.format, decoder.layout, decoder.sample_rate = "s16", "mono", RATE
    return decoder


def _mono(frame: av.AudioFrame) -> NDArray[np.float32]:
    samples = np.frombuffer(bytes(frame.planes[0])[: frame.samples * 2], np.int16)
    return samples.astype(np.float32) / 32768


def bursts(packets: list[bytes]) -> dict[int, Heard]:
    """Return which packet of the loop carries the beginning of which burst, as a perfect mirror would be heard."""
    ear, found = Ear(), {}
    for turn in range(2):
        for index, packet in enumerate(packets):
            for heard in ear.hear(packet):
                place = (index + heard.offset // FRAME) % LOOP
                if turn:
                    found[place] = Heard(heard.burst, heard.offset % FRAME)
    if len(found) != len(PITCHES):
        raise RuntimeError(f"the bursts cannot be told apart: {found}")
    return found
