"""Microseconds per 20 ms frame on the sound's way, beside the bare libopus call in the same run.

Run from the repository: ``python benchmarks/frame_path.py``. Each figure is processor time, the best of several rounds:
noise only ever adds. "own" is the whole object with the codec's work replaced by a constant: what is ours.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mediaserver.audio import opus
from mediaserver.audio.opus import OpusDecoder, OpusEncoder
from mediaserver.audio.packets import ready
from mediaserver.audio.playout import Playout
from mediaserver.audio.resample import Resampler
from mediaserver.rtc import rtp
from mediaserver.rtc.codecs import Agreed, Codec
from mediaserver.rtc.jitter import JitterBuffer
from mediaserver.rtc.receiver import AudioReceiver
from mediaserver.rtc.sender import AudioSender

FRAMES = 500
ROUNDS = 7
CODEC = Codec("opus", 111, 48000, 2, {"useinbandfec": "1"})


def best(work: Callable[[], object]) -> float:
    """Return µs per frame of the best round; ``work`` does FRAMES frames."""
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times) / FRAMES * 1e6


def voice(rate: int) -> list[bytes]:
    """Return frames of something like a vowel with noise: harmonics under a slow envelope."""
    clock = np.arange(rate * FRAMES // 50) / rate
    sound = sum(np.sin(2 * np.pi * 130 * harmonic * clock) / harmonic for harmonic in range(1, 15))
    sound = sound * (1.1 + np.sin(2 * np.pi * 3 * clock)) + np.random.default_rng(1).normal(0, 0.1, len(clock))
    pcm, size = (sound * 3000).astype("<i2").tobytes(), rate // 50 * 2
    return [pcm[start : start + size] for start in range(0, len(pcm), size)]


def bare_decode(decoder: OpusDecoder, payloads: list[bytes]) -> Callable[[], None]:
    """Return the library's own call and nothing else."""
    call, state, address, most = decoder._call, decoder._state, decoder._address, decoder._most

    def work() -> None:
        for payload in payloads:
            call(state, payload, len(payload), address, most, 0)

    return work


def bare_encode(encoder: OpusEncoder, frames: list[bytes]) -> Callable[[], None]:
    """Return the library's own call and nothing else."""
    call, state, address, samples = encoder._call, encoder._state, encoder._address, len(frames[0]) // 2

    def work() -> None:
        for frame in frames:
            call(state, frame, samples, address, opus.MAX_PACKET)

    return work


def receive(rate: int, packets: list[bytes], level: int | None, frame: bytes = b"") -> Callable[[], None]:
    """Return a whole receiver's work for these packets; a ``frame`` takes the place of decoding."""
    agreed = Agreed("0", {111: CODEC}, CODEC, level_id=level)

    def work() -> None:
        receiver = AudioReceiver(agreed, rate, lambda pcm, at: None, lambda digit: None)
        if frame:
            receiver._decoders[111] = OpusDecoder(rate)
            receiver._decoders[111].decode = lambda payload: frame
        for index, packet in enumerate(packets):
            receiver.rtp(packet, index * 0.02)
        receiver.close()

    return work


def send(rate: int, frames: list[bytes], level: int | None, payload: bytes = b"") -> Callable[[], None]:
    """Return a whole sender's work for these frames; a ``payload`` takes the place of encoding."""
    sender = AudioSender(Agreed("0", {111: CODEC}, CODEC, level_id=level), rate, ssrc=1, cname="b")
    if payload:
        sender._encoder.encode = lambda pcm: payload

    def work() -> None:
        for frame in frames:
            sender.packet(frame, 0.0)

    return work


def each(call: Callable[[bytes], object], things: list[bytes]) -> Callable[[], None]:
    """Return a loop over ``things``."""

    def work() -> None:
        for thing in things:
            call(thing)

    return work


def order(packets: list[bytes]) -> Callable[[], None]:
    """Return a jitter buffer's work when all is in order."""
    parsed = [packet for packet in map(rtp.parse, packets) if packet is not None]

    def work() -> None:
        buffer = JitterBuffer()
        for index, packet in enumerate(parsed):
            buffer.push(packet, index * 0.02, 48000)
            while buffer.pop(index * 0.02) is not None:
                pass

    return work


def play(rate: int, frames: list[bytes]) -> Callable[[], None]:
    """Return a playout's work: push a second, pull its frames."""

    def work() -> None:
        playout = Playout(rate, lambda note: None)
        for index, frame in enumerate(frames):
            playout.push("item", frame)
            playout.pull(index * 0.02)

    return work


def pass_on(rate: int, payloads: list[bytes]) -> Callable[[], None]:
    """Return what a provider's packets cost on their way out: looked at, queued, pulled and sent as they are."""
    sender = AudioSender(Agreed("0", {111: CODEC}, CODEC), rate, ssrc=1, cname="b")

    def work() -> None:
        playout = Playout(rate, lambda note: None)
        for index, payload in enumerate(payloads):
            playout.push_packets("item", (ready(payload),))
            sender.packet(playout.pull(index * 0.02), 0.0)

    return work


def show(name: str, micros: float, beside: float | None = None) -> None:
    """Print one line; ``beside`` is the bare call."""
    more = f"  +{micros - beside:5.1f}  x{micros / beside:.2f}" if beside else ""
    print(f"{name:42}{micros:8.1f} µs{more}")


def main() -> None:
    """Measure and print."""
    print(f"{opus.libopus().version} of {opus.libopus().source}; µs per frame, over the bare call, as a ratio")
    for rate in (16000, 24000, 48000):
        frames, encoder, decoder = voice(rate), OpusEncoder(rate), OpusDecoder(rate)
        payloads = [encoder.encode(frame) for frame in frames]
        packets = [rtp.serialise(111, False, i, i * 960, 1, payload) for i, payload in enumerate(payloads)]
        leveled = [
            rtp.serialise(111, False, i, i * 960, 1, payload, rtp.extension({1: b"\x9e"}))
            for i, payload in enumerate(payloads)
        ]
        bare_in, bare_out = best(bare_decode(decoder, payloads)), best(bare_encode(encoder, frames))
        print(f"\n{rate} Hz")
        show("libopus decode, bare", bare_in)
        show("OpusDecoder.decode", best(each(decoder.decode, payloads)), bare_in)
        show("AudioReceiver.rtp", best(receive(rate, packets, None)), bare_in)
        show("AudioReceiver.rtp, level read", best(receive(rate, leveled, 1)), bare_in)
        show("AudioReceiver.rtp, own", best(receive(rate, packets, None, frames[0])))
        show("libopus encode, bare", bare_out)
        show("OpusEncoder.encode", best(each(encoder.encode, frames)), bare_out)
        show("AudioSender.packet", best(send(rate, frames, None)), bare_out)
        show("AudioSender.packet, level written", best(send(rate, frames, 1)), bare_out)
        show("AudioSender.packet, own", best(send(rate, frames, None, payloads[0])))
        show("AudioSender.packet, own, level written", best(send(rate, frames, 1, payloads[0])))
        show("Playout push + pull", best(play(rate, frames)))
        show("a ready-made packet, all of the way out", best(pass_on(rate, payloads)))
        encoder.close()
        decoder.close()
    print()
    show("rtp.parse", best(each(rtp.parse, packets)))
    show("rtp.serialise", best(each(lambda payload: rtp.serialise(111, False, 1, 2, 3, payload), payloads)))
    show("jitter push + pop, in order", best(order(packets)))
    show("resample 24000 to 16000", best(each(Resampler(24000, 16000).feed, voice(24000))))
    show("resample 16000 to 24000", best(each(Resampler(16000, 24000).feed, voice(16000))))


if __name__ == "__main__":
    main()
