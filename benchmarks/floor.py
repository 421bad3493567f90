"""What the work on one frame of 20 ms costs in C on this machine, and how many echo calls per core that allows at most.

usage: python -m benchmarks.floor [--rounds 9] [--core 0] [--json]

Microseconds of thread time per frame; each round measures every line once, so that all of them see the same phases of the
processor. libopus is the copy that :mod:`mediaserver.audio.opus` finds, called through ``map`` with no Python in between;
"the call itself" is the same call with a frame size of 0, which libopus refuses at once, and is subtracted in the floor.
SRTP and webrtcvad are called as the server calls them. The sound is that of the callers (:mod:`benchmarks.sound`).

The floor of an echo call that speaks and is answered all the time: one datagram in and out, SRTP both ways, decoding to
24 kHz, encoding at complexity 5. "40 calls in turn" uses another call's codec for each frame: its state has left the caches.
"""

from __future__ import annotations

import argparse
import collections
import itertools
import json
import os
import socket
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import webrtcvad
from pylibsrtp import Policy, Session

from benchmarks.servers import circumstances, cores, table
from benchmarks.sound import LOOP, encoded
from mediaserver.audio import opus
from mediaserver.audio.opus import OpusDecoder, OpusEncoder, OpusSettings
from mediaserver.rtc import rtp

ROUNDS = 9
FRAME_US = 20_000
RATE, VAD_RATE = 24000, 16000
DECODED = (24000, 16000, 48000)
COMPLEXITIES = (0, 5, 9)
CALLS = 40
PROFILE, KEY = Policy.SRTP_PROFILE_AEAD_AES_128_GCM, bytes(range(28))

DECODE, ENCODE = "decode to 24 kHz", "encode 24 kHz, 32 kb/s, complexity 5"
PROTECT, UNPROTECT = "SRTP protect", "SRTP unprotect"
DATAGRAM, VOICE = "UDP send and recv", "webrtcvad at 16 kHz"
DECODE_CALL, ENCODE_CALL = "decode: the call itself", "encode: the call itself"
IN_TURN = f", {CALLS} calls in turn"

Work = Callable[[], None]


@dataclass(slots=True)
class Floor:
    """Microseconds per frame of each line, one figure a round."""

    taken: dict[str, list[float]] = field(default_factory=dict)

    def joined(self, other: Floor) -> Floor:
        """Return the rounds of both."""
        return Floor({name: each + other.taken[name] for name, each in self.taken.items()})

    def least(self, name: str) -> float:
        """Return the quickest round of a line: noise only ever adds."""
        return min(self.taken[name])

    @property
    def frame_us(self) -> float:
        """What one frame of an echo call costs at least."""
        codec = self.least(DECODE) - self.least(DECODE_CALL) + self.least(ENCODE) - self.least(ENCODE_CALL)
        return codec + sum(map(self.least, (PROTECT, UNPROTECT, DATAGRAM)))

    @property
    def calls(self) -> float:
        """How many such calls would fill a core."""
        return FRAME_US / self.frame_us


def drained(results: Iterable[object]) -> None:
    """Run an iterator to its end, in C."""
    collections.deque(results, maxlen=0)


def decoding(decoders: Sequence[OpusDecoder], payloads: Sequence[bytes], most: int | None = None) -> Work:
    """Return the bare calls; a frame size ``most`` of 0 is refused before any work."""
    samples = decoders[0]._most if most is None else most
    sizes = [len(payload) for payload in payloads]
    states, room = [each._state for each in decoders], [each._address for each in decoders]
    turns = (itertools.cycle(states), itertools.cycle(room))
    rest = (itertools.repeat(samples), itertools.repeat(0))

    def work() -> None:
        drained(map(decoders[0]._call, turns[0], payloads, sizes, turns[1], *rest))

    return work


def encoding(encoders: Sequence[OpusEncoder], frames: Sequence[bytes], samples: int | None = None) -> Work:
    """Return the bare calls; 0 ``samples`` are refused before any work."""
    count = len(frames[0]) // 2 if samples is None else samples
    states, room = [each._state for each in encoders], [each._address for each in encoders]
    turns = (itertools.cycle(states), itertools.cycle(room))

    def work() -> None:
        rest = (itertools.repeat(count), turns[1], itertools.repeat(opus.MAX_PACKET))
        drained(map(encoders[0]._call, turns[0], frames, *rest))

    return work


def protecting(packets: Sequence[bytes]) -> Work:
    """Return what encrypts them, each time anew."""

    def work() -> None:
        drained(map(_srtp(Policy.SSRC_ANY_OUTBOUND).protect, packets))

    return work


def unprotecting(packets: Sequence[bytes]) -> Work:
    """Return what decrypts them, each time anew: a session takes no packet twice."""
    protect = _srtp(Policy.SSRC_ANY_OUTBOUND).protect
    secret = [protect(packet) for packet in packets]

    def work() -> None:
        drained(map(_srtp(Policy.SSRC_ANY_INBOUND).unprotect, secret))

    return work


def _srtp(kind: int) -> Session:
    return Session(Policy(key=KEY, ssrc_type=kind, srtp_profile=PROFILE))


def carrying(near: socket.socket, far: socket.socket, packets: Sequence[bytes]) -> Work:
    """Return what sends and receives one datagram after the other: system calls, and loopback's way between them."""

    def work() -> None:
        for packet in packets:
            near.send(packet)
            far.recv(2048)

    return work


def detecting(frames: Sequence[bytes]) -> Work:
    """Return the voice detector's work."""
    detector = webrtcvad.Vad(2)

    def work() -> None:
        drained(map(detector.is_speech, frames, itertools.repeat(VAD_RATE)))

    return work


def works(near: socket.socket, far: socket.socket) -> dict[str, Work]:
    """Return every line's work on the loop's frames."""
    payloads = encoded()
    decoders = {rate: OpusDecoder(rate) for rate in DECODED}
    sound = {rate: [each.decode(payload) for payload in payloads] for rate, each in decoders.items()}
    packets = [rtp.serialise(111, False, index, index * 960, 1, payload) for index, payload in enumerate(payloads)]
    encoders = {level: OpusEncoder(RATE, OpusSettings(complexity=level)) for level in COMPLEXITIES}
    lines = {f"decode to {rate // 1000} kHz": decoding([each], payloads) for rate, each in decoders.items()}
    lines |= {
        f"encode 24 kHz, 32 kb/s, complexity {level}": encoding([each], sound[RATE]) for level, each in encoders.items()
    }
    return lines | {
        DECODE + IN_TURN: decoding([OpusDecoder(RATE) for _ in range(CALLS)], payloads),
        ENCODE + IN_TURN: encoding([OpusEncoder(RATE) for _ in range(CALLS)], sound[RATE]),
        DECODE_CALL: decoding([decoders[RATE]], payloads, 0),
        ENCODE_CALL: encoding([encoders[5]], sound[RATE], 0),
        PROTECT: protecting(packets),
        UNPROTECT: unprotecting(packets),
        DATAGRAM: carrying(near, far, packets),
        VOICE: detecting(sound[VAD_RATE]),
    }


def measure(rounds: int = ROUNDS) -> Floor:
    """Measure all lines so many times, in turn."""
    near, far = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    with near, far:
        far.bind(("127.0.0.1", 0))
        near.connect(far.getsockname())
        lines = works(near, far)
        floor = Floor({name: [] for name in lines})
        for work in lines.values():
            work()  # into the caches, and the codecs into their steady state
        for _ in range(rounds):
            for name, work in lines.items():
                began = time.thread_time()
                work()
                floor.taken[name].append((time.thread_time() - began) / LOOP * 1e6)
    return floor


def pin(core: int | None) -> None:
    """Measure on this core from now on, where cores can be chosen."""
    if core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})


def rows(floor: Floor) -> list[list[str]]:
    """Return the lines of the table."""
    return [[name, f"{min(each):.2f}", f"{statistics.median(each):.2f}"] for name, each in floor.taken.items()]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--core", type=int, help="measure on this core; the one that servers are measured on otherwise")
    parser.add_argument("--json", action="store_true", help="print the microseconds of every round and nothing else")
    args = parser.parse_args()
    where, pair = circumstances(), cores()
    pin(args.core if args.core is not None else pair[0] if pair else None)
    floor = measure(args.rounds)
    if args.json:
        print(json.dumps(floor.taken))
        return
    library = opus.libopus()
    print(f"\nThe floor: libopus ({library.version}, {library.source}), µs per frame of 20 ms, {args.rounds} rounds\n")
    print(where, end="\n\n")
    print(table(("one frame of 20 ms", "least µs", "median µs"), rows(floor)))
    print(f"\nOne frame of an echo call: {floor.frame_us:.0f} µs at least, {floor.calls:.0f} calls per core at most")


if __name__ == "__main__":
    main()
