"""How many echo calls one core carries, both directions talking all the time; ours beside its peers, interleaved.

A number of calls passes a round when all are connected, less than 1 % of the sound is lost or late, and the round trip's
p95 lies within 100 ms of that server's own median with one call. The figure is the largest number that passed every round.
Ours is printed as a share of the floor too (:mod:`benchmarks.floor`), measured on the same core before and after; and each
server is looked at once more at 80 % of what it carries. A server that gives no sound back with one call is not counted.

usage: python -m benchmarks.sessions_per_core [--only ours,pipecat] [--alone] [--counts 2,4,6,8,12,16,24,36,48,60,72,84]
    [--rounds 1] [--seconds 8] [--tries 6] [--plot FILE.svg]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path

from benchmarks import growth
from benchmarks.ending import end_what_was_started
from benchmarks.floor import Floor
from benchmarks.generator import Result
from benchmarks.peers.environment import ROOT
from benchmarks.plot import svg
from benchmarks.servers import Contestant, add_choice, chosen, circumstances, table, undisturbed

COUNTS = (2, 4, 6, 8, 10, 12, 16, 20, 28, 36, 48, 60, 72, 84, 96)
HEADS = ("server", "calls per core", "first ÷ this", "of the floor", "CPU % per call", "RTT with one call")
WORST_PCT = 1.0
SLACK_MS = 100.0
GIVE_UP = 2
"""After so many numbers of calls in a row that fail, larger ones are not tried."""


Rule = Callable[[Result, float], bool]
"""Says of a run, and of the median round trip with one call, whether it passes."""


def passes(result: Result, unloaded_ms: float) -> bool:
    """Say whether a run passes the rule above. NaN (nothing came back) does not."""
    whole = result.connected == result.calls and result.lost_pct + result.late_pct < WORST_PCT
    return whole and result.percentile(0.95) <= unloaded_ms + SLACK_MS


def described(result: Result) -> str:
    """Return one run in a line."""
    busy = ", THE GENERATOR WAS BUSY" if result.bottleneck else ""
    heard = f"RTT p95 {result.percentile(0.95):.0f} ms, lost {result.lost_pct:.2f} %, late {result.late_pct:.2f} %"
    used = f"CPU {result.cpu_pct:.0f} % ({result.cpu_per_call_pct:.2f} a call), others {result.foreign_pct:.0f} %"
    return f"{result.connected} connected, {heard}, {used}{busy}"


class Ladder:
    """One server's climb: which numbers of calls are still tried, and how they went."""

    def __init__(
        self, contestant: Contestant, tries: int = 1, rule: Rule = passes, words: Callable[[Result], str] = described
    ) -> None:
        self.contestant = contestant
        self.alone: Result | None = None
        """The run with one call."""
        self.runs: dict[int, list[bool]] = defaultdict(list)
        self.results: dict[int, list[Result]] = defaultdict(list)
        self._tries, self._rule, self._words = tries, rule, words
        self._failed = 0

    @property
    def unloaded_ms(self) -> float:
        """The median round trip with one call; NaN when nothing came back, or before it was measured."""
        return self.alone.percentile(0.5) if self.alone else float("nan")

    @property
    def echoes(self) -> bool:
        """Its caller heard its own sound."""
        return bool(self.alone and self.alone.rtt)

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

    def begin(self, seconds: float) -> None:
        """Measure one call."""
        self.alone = self.measured(1, seconds)

    def measured(self, calls: int, seconds: float) -> Result:
        """Measure a number of calls, again while others disturb it."""
        return undisturbed(self.contestant, calls, seconds, self._tries)

    def climb(self, calls: int, seconds: float) -> None:
        """Try a number of calls once."""
        result = self.measured(calls, seconds)
        passed = self._rule(result, self.unloaded_ms)
        self.runs[calls].append(passed)
        self.results[calls].append(result)
        self._failed = 0 if passed else self._failed + 1
        print(
            f"{self.contestant.name:>14} {calls:>3} calls {'pass' if passed else 'FAIL'}: {self._words(result)}",
            flush=True,
        )

    def rest(self) -> None:
        """A new round begins."""
        self._failed = 0


def climbed(
    contestants: Sequence[Contestant],
    args: argparse.Namespace,
    rule: Rule = passes,
    words: Callable[[Result], str] = described,
) -> list[Ladder]:
    """Let all climb in turn, by a rule and described in words, and return those that echo."""
    ladders = [Ladder(contestant, args.tries, rule, words) for contestant in contestants]
    for ladder in ladders:
        ladder.begin(args.seconds)
        if not ladder.echoes:
            print(f"{ladder.contestant.name} gave no sound back: not counted", file=sys.stderr)
    ladders = [ladder for ladder in ladders if ladder.echoes]
    for _ in range(args.rounds):
        for ladder in ladders:
            ladder.rest()
        for calls in args.counts:
            for ladder in ladders:
                if not ladder.tired:
                    ladder.climb(calls, args.seconds)
    return ladders


def floor_of_the_core() -> Floor:
    """Measure the floor where the servers are measured, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.floor", "--json"], cwd=ROOT, capture_output=True, check=True
    )
    return Floor(json.loads(done.stdout))


def main() -> None:
    """Measure and print."""
    end_what_was_started()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=lambda text: tuple(int(each) for each in text.split(",")), default=COUNTS)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--plot", type=Path, help="draw what becomes of each server as calls grow into this file")
    add_choice(parser)
    args = parser.parse_args()
    contestants, before = chosen(args), floor_of_the_core()
    ladders = climbed(contestants, args)
    again = [ladder.measured(growth.loaded(ladder.capacity), args.seconds) for ladder in ladders]
    floor = before.joined(floor_of_the_core())
    print(f"\nEcho calls per core, {args.rounds} interleaved round(s) of {args.seconds:g} s\n")
    print(circumstances(), end="\n\n")
    print(table(HEADS, rows(ladders, floor)))
    print(f"\nThe floor: {floor.frame_us:.0f} µs a frame. One call, and {growth.LOADED:.0%} of each one's capacity:\n")
    lines = [
        growth.row(ladder.contestant.name, ladder.alone, each)
        for ladder, load in zip(ladders, again, strict=True)
        for each in (ladder.alone, load)
    ]
    print(table(growth.HEADS, lines))
    if args.plot:
        everything = {each.contestant.name: [each.alone, *chain(*each.results.values())] for each in ladders}
        args.plot.parent.mkdir(parents=True, exist_ok=True)
        args.plot.write_text(svg(growth.panels(everything)))


def rows(ladders: Sequence[Ladder], floor: Floor) -> list[list[str]]:
    """Return the lines of the table; the first one is ours, or whoever was chosen in its place."""
    first = ladders[0].capacity if ladders else 0
    return [
        [
            each.contestant.name,
            str(each.capacity),
            f"{first / each.capacity:.1f}" if each.capacity else "-",
            f"{100 * each.capacity / floor.calls:.0f} %",
            f"{_cpu_per_call(each):.2f}",
            f"{each.unloaded_ms:.1f} ms",
        ]
        for each in ladders
    ]


def _cpu_per_call(ladder: Ladder) -> float:
    runs = ladder.results.get(ladder.capacity, [])
    return sum(run.cpu_per_call_pct for run in runs) / len(runs) if runs else float("nan")


if __name__ == "__main__":
    main()
