"""Many lean callers in one thread: what they hear back, how late, and what that cost the server.

usage: python -m benchmarks.generator http://localhost:8080 --calls 4 --seconds 10 --pid <server>
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import heapq
import http.client
import json
import os
import selectors
import statistics
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import psutil

from benchmarks import quiet
from benchmarks.client import Caller, Identity, Packet
from benchmarks.sound import FRAME, LOOP, RATE, Ear, bursts, encoded

CONNECT_S = 15.0
SETTLE_S = 0.2
LISTENED = 5
"""Calls whose returned sound is decoded; the others' packets are counted and timed."""
LATE_S = 0.1
BUSY = 0.85
"""The generator itself is the bottleneck above this part of its core."""

now = time.perf_counter


@dataclass(slots=True)
class Result:
    """One run. Times in milliseconds; ``rtt`` is the added round trip, sorted."""

    calls: int
    connected: int
    rtt: list[float]
    sent_bursts: int
    lost_pct: float
    late_pct: float
    lateness_p99_ms: float
    """How much later than its call's best packet a packet came."""
    cpu_pct: float
    rss_mb: float
    threads: int
    generator_pct: float
    foreign_pct: float
    """What others used meanwhile, of one core."""

    @property
    def cpu_per_call_pct(self) -> float:
        """Part of one core per connected call."""
        return self.cpu_pct / max(1, self.connected)

    @property
    def bottleneck(self) -> bool:
        """The figures are the generator's, not the server's."""
        return self.generator_pct > 100 * BUSY

    def percentile(self, part: float) -> float:
        """Return a percentile of the round trip, NaN when no burst came back."""
        return self.rtt[min(len(self.rtt) - 1, int(part * len(self.rtt)))] if self.rtt else float("nan")


class Speaker:
    """One caller's place in the loop, and the bursts on their way."""

    def __init__(self, caller: Caller, ear: Ear | None, place: int, packets: list[bytes], marks: dict) -> None:
        self.caller = caller
        self._ear = ear
        self._place = place
        self._packets = packets
        self._marks = marks
        self._flying: dict[int, float] = {}
        self._read = 0
        self.sent_bursts = 0
        self.round_trips: list[float] = []

    def speak(self, at: float) -> None:
        """Send the next 20 ms."""
        index = self._place % LOOP
        if self._ear is not None and (mark := self._marks.get(index)):
            self._flying[mark.burst] = at + mark.offset / RATE
            self.sent_bursts += 1
        self._place += 1
        self.caller.send(self._packets[index])

    def listen(self) -> None:
        """Look for bursts in what has come since."""
        new, self._read = self.caller.packets[self._read :], len(self.caller.packets)
        for packet in new if self._ear is not None else ():
            for heard in self._ear.hear(packet.payload):
                if (sent := self._flying.pop(heard.burst, None)) is not None:
                    self.round_trips.append((packet.at + heard.offset / RATE - sent) * 1000)

    def counted(self) -> list[Packet]:
        """Return the packets that have to come in time."""
        return self.caller.packets

    def lost_pct(self, elapsed: float) -> float:
        """Return how much of the sound has not come back, in percent; a packet that came twice counts once."""
        wanted = elapsed * RATE / FRAME
        unique = len({packet.sequence for packet in self.caller.packets})
        return max(0.0, 100 * (1 - (unique + 1) / wanted))

    def lateness(self) -> list[float]:
        """Return how many seconds later than the best one each packet came."""
        packets = self.counted()
        first = packets[0].timestamp if packets else 0
        transits = [p.at - (((p.timestamp - first + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)) / RATE for p in packets]
        best = min(transits, default=0.0)
        return [transit - best for transit in transits]

    def start_measuring(self) -> None:
        """Forget the warm-up."""
        self.caller.packets.clear()
        self._read = self.sent_bursts = 0
        self._flying.clear()
        self.round_trips.clear()


class Generator:
    """All callers and the one loop that serves them."""

    WARM_UP_S = 3.0

    def __init__(self, url: str, model: str, key: str) -> None:
        self._url, self._model, self._key = urlsplit(url), model, key
        self._identity = Identity()
        self._packets = encoded()
        self._marks = bursts(self._packets)
        self._selector = selectors.DefaultSelector()
        self._speakers: list[Speaker] = []
        self._queue: list[tuple[float, int]] = []
        self._locations: list[str] = []
        self._host = _own_address()

    def run(self, calls: int, seconds: float, pid: int | None, ours: Sequence[int] = ()) -> Result:
        """Connect, warm up, measure, hang up; what the processes ``ours`` use besides the server is no stranger's."""
        try:
            for index in range(calls):
                self._call(index)
                self._serve(0.03)  # connections are made one after the other, beside those that already speak
            self._until_connected()
            self._serve(self.WARM_UP_S)
            return self._measure(calls, seconds, psutil.Process(pid) if pid else None, map(psutil.Process, ours))
        finally:
            self._hang_up()

    def speaker(self, index: int, caller: Caller, ear: Ear | None, packets: list[bytes], marks: dict) -> Speaker:
        """Return who speaks in a call: here somebody who never pauses."""
        return Speaker(caller, ear, index * 37, packets, marks)

    def _measure(
        self, calls: int, seconds: float, server: psutil.Process | None, ours: Iterable[psutil.Process]
    ) -> Result:
        gc.collect()
        gc.freeze()
        foreign = quiet.Foreign(*([server] if server else []), *ours)
        own, theirs, began = time.process_time(), _cpu_seconds(server), now()
        self._serve(SETTLE_S)  # looking at the processes has kept us from our sockets
        for speaker in self._speakers:
            speaker.start_measuring()
        heard = now()
        self._serve(seconds)
        listened, elapsed, others = now() - heard, now() - began, foreign.pct()
        cpu, mine = _cpu_seconds(server) - theirs, time.process_time() - own
        speakers = [each for each in self._speakers if each.caller.up]
        lateness = [each.lateness() for each in speakers]
        return Result(
            calls=calls,
            connected=len(speakers),
            rtt=sorted(value for each in speakers for value in each.round_trips),
            sent_bursts=sum(each.sent_bursts for each in speakers),
            lost_pct=_mean(each.lost_pct(listened) for each in speakers),
            late_pct=_mean(map(_late_pct, lateness)),
            lateness_p99_ms=1000 * _p99([late for each in lateness for late in each]),
            cpu_pct=100 * cpu / elapsed,
            rss_mb=sum(each.memory_info().rss for each in _tree(server)) / 1e6,
            threads=sum(each.num_threads() for each in _tree(server)),
            generator_pct=100 * mine / elapsed,
            foreign_pct=others,
        )

    def _call(self, index: int) -> None:
        caller = Caller(self._identity, self._host, decrypt=index < LISTENED)
        ear = Ear() if index < LISTENED else None
        self._speakers.append(self.speaker(index, caller, ear, self._packets, self._marks))
        heapq.heappush(self._queue, (now() + (index * 7 % 20) / 1000, index))
        self._selector.register(caller.socket, selectors.EVENT_READ, caller)
        status, headers, body = self._post(f"/v1/realtime/calls?model={self._model}", caller.offer())
        if status != 201:
            raise RuntimeError(f"the server answered {status}: {body[:200]}")
        self._locations.append(headers["Location"])
        caller.answer(body)

    def _post(self, path: str, body: str) -> tuple[int, http.client.HTTPMessage, str]:
        connection = http.client.HTTPConnection(self._url.hostname or "", self._url.port or 80, timeout=CONNECT_S)
        headers = {"Content-Type": "application/sdp", "Authorization": f"Bearer {self._key}"}
        try:
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            return response.status, response.headers, response.read().decode()
        finally:
            connection.close()

    def _until_connected(self) -> None:
        deadline = now() + CONNECT_S
        while now() < deadline and not all(each.caller.up for each in self._speakers):
            self._serve(0.1)

    def _serve(self, seconds: float) -> None:
        """Send and receive for so long. Each caller keeps its own rhythm of 20 ms from its first packet to its last."""
        end, queue = now() + seconds, self._queue
        while queue and (due := queue[0][0]) < end:
            while (wait := due - now()) > 0:
                self._receive(wait)
            _, index = heapq.heappop(queue)
            speaker = self._speakers[index]
            if due >= speaker.caller.due:
                speaker.caller.tick(due)
            if speaker.caller.up:
                speaker.speak(now())
                speaker.listen()
            heapq.heappush(queue, (due + FRAME / RATE, index))
            self._receive(0)
        while (wait := end - now()) > 0:
            self._receive(wait)

    def _receive(self, wait: float) -> None:
        for key, _ in self._selector.select(wait):
            key.data.readable(now())

    def _hang_up(self) -> None:
        for location in self._locations:
            try:
                self._post(f"{location}/hangup", "")
            except OSError:
                break  # the server is gone
        for speaker in self._speakers:
            speaker.caller.close()
        self._selector.close()


def _late_pct(lateness: list[float]) -> float:
    return 100 * sum(each > LATE_S for each in lateness) / len(lateness) if lateness else 100.0


def _mean(values) -> float:
    found = list(values)
    return statistics.fmean(found) if found else 100.0


def _p99(values: list[float]) -> float:
    return sorted(values)[int(0.99 * len(values))] if values else float("inf")


def _tree(process: psutil.Process | None) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)] if process else []


def _cpu_seconds(process: psutil.Process | None) -> float:
    return sum(sum(each.cpu_times()[:2]) for each in _tree(process))


def _own_address() -> str:
    """Return an address of this machine that is not loopback: aiortc's peers offer no other."""
    addresses = [each for found in psutil.net_if_addrs().values() for each in found if each.family.name == "AF_INET"]
    return next((each.address for each in addresses if not each.address.startswith("127.")), "127.0.0.1")


def main(kind: type[Generator] = Generator) -> None:
    """Run once and print the result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--calls", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--model", default="echo")
    parser.add_argument("--key", default="sk-local")
    parser.add_argument(
        "--pid", type=int, help="the server's process, whose CPU and memory are measured with its children's"
    )
    parser.add_argument(
        "--ours", type=int, nargs="*", default=[], metavar="PID", help="further processes that are no strangers"
    )
    parser.add_argument("--core", type=int, help="pin the generator to this core")
    args = parser.parse_args()
    if args.core is not None:
        os.sched_setaffinity(0, {args.core})
    result = kind(args.url, args.model, args.key).run(args.calls, args.seconds, args.pid, args.ours)
    print(json.dumps(dataclasses.asdict(result)))
    if result.bottleneck:
        print("the generator was the bottleneck: these figures are not the server's", file=sys.stderr)


if __name__ == "__main__":
    main()
