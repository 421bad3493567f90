"""How many echo calls one core carries, both directions talking all the time; ours beside stock aiortc, interleaved.

A number of calls passes a round when all are connected, less than 1 % of the sound is lost or late, and the round trip's
p95 lies within 100 ms of that server's own median with one call. The figure is the largest number that passed every round.

usage: python -m benchmarks.sessions_per_core [--counts 2,4,6,8,10,12,16,20,24,28,32,36,40] [--rounds 1] [--seconds 8]
"""

from __future__ import annotations

import argparse
from collections import defaultdict

from benchmarks.generator import Result
from benchmarks.servers import ALL, Contestant, circumstances, measure, table

COUNTS = (2, 4, 6, 8, 10, 12, 16, 20, 24, 28, 32, 36, 40)
WORST_PCT = 1.0
SLACK_MS = 100.0
GIVE_UP = 2
"""After so many numbers of calls in a row that fail, larger ones are not tried."""


def passes(result: Result, unloaded_ms: float) -> bool:
    """Say whether a run passes the rule above. NaN (nothing came back) does not."""
    whole = result.connected == result.calls and result.lost_pct + result.late_pct < WORST_PCT
    return whole and result.percentile(0.95) <= unloaded_ms + SLACK_MS


class Ladder:
    """One server's climb: which numbers of calls are still tried, and how they went."""

    def __init__(self, contestant: Contestant) -> None:
        self.contestant = contestant
        self.unloaded_ms = float("nan")
        self.runs: dict[int, list[bool]] = defaultdict(list)
        self.results: dict[int, list[Result]] = defaultdict(list)
        self._failed = 0

    @property
    def tired(self) -> bool:
        """Larger numbers are of no use."""
        return self._failed >= GIVE_UP

    @property
    def capacity(self) -> int:
        """The largest number that passed every round, with everything below it tried and passed too; 0 for none."""
        best = 0
        for calls in sorted(self.runs):
            if not all(self.runs[calls]):
                break
            best = calls
        return best

    def climb(self, calls: int, seconds: float) -> None:
        """Try a number of calls once."""
        result = measure(self.contestant, calls, seconds)
        passed = passes(result, self.unloaded_ms)
        self.runs[calls].append(passed)
        self.results[calls].append(result)
        self._failed = 0 if passed else self._failed + 1
        print(
            f"{self.contestant.name:>12} {calls:>3} calls {'pass' if passed else 'FAIL'}: {described(result)}",
            flush=True,
        )

    def rest(self) -> None:
        """A new round begins."""
        self._failed = 0


def described(result: Result) -> str:
    """Return one run in a line."""
    busy = ", THE GENERATOR WAS BUSY" if result.bottleneck else ""
    heard = f"RTT p95 {result.percentile(0.95):.0f} ms, lost {result.lost_pct:.2f} %, late {result.late_pct:.2f} %"
    return f"{result.connected} connected, {heard}, CPU {result.cpu_pct:.0f} %{busy}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=lambda text: tuple(int(each) for each in text.split(",")), default=COUNTS)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=8)
    args = parser.parse_args()
    ladders = [Ladder(contestant) for contestant in ALL]
    for ladder in ladders:
        ladder.unloaded_ms = measure(ladder.contestant, 1, args.seconds).percentile(0.5)
    for _ in range(args.rounds):
        for ladder in ladders:
            ladder.rest()
        for calls in args.counts:
            for ladder in ladders:
                if not ladder.tired:
                    ladder.climb(calls, args.seconds)
    report(ladders, args.rounds, args.seconds)


def report(ladders: list[Ladder], rounds: int, seconds: float) -> None:
    """Print the table."""
    ours = ladders[0].capacity
    rows = [
        [
            each.contestant.name,
            str(each.capacity),
            f"{ours / each.capacity:.1f}" if each.capacity else "-",
            f"{_cpu_per_call(each):.2f}",
            f"{each.unloaded_ms:.1f} ms",
        ]
        for each in ladders
    ]
    print(f"\nEcho calls per core, {rounds} interleaved round(s) of {seconds:g} s\n")
    print(circumstances(), end="\n\n")
    print(table(("server", "calls per core", "ours ÷ this", "CPU % per call", "RTT with one call"), rows))


def _cpu_per_call(ladder: Ladder) -> float:
    runs = ladder.results.get(ladder.capacity, [])
    return sum(run.cpu_per_call_pct for run in runs) / len(runs) if runs else float("nan")


if __name__ == "__main__":
    main()
