"""What further workers carry, over one: each number of workers gets as many times the calls of one.

Where the machine has a core more than there are workers, for the callers, the round trip and the losses say whether they
carry them. Where it has not, as with two workers on two cores, callers and workers share: then the processor time that a
call takes is what can be compared, and "carry" is the number of workers times what a call took with one, over what it takes
now. Nobody is kept to a core.

usage: python -m benchmarks.workers [--workers 1,2] [--calls 12] [--rounds 3] [--seconds 8] [--tries 6]
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
from collections import defaultdict

from benchmarks import quiet
from benchmarks.ending import end_what_was_started
from benchmarks.generator import Result
from benchmarks.servers import OURS, circumstances, table, undisturbed

HEADS = ("workers", "calls", "connected", "RTT p50", "p95", "lost %", "late %", "CPU % per call", "carry (one: 1)")


def row(workers: int, runs: list[Result], one: list[Result]) -> list[str]:
    """Return the line of a number of workers: medians over the rounds; ``one`` is what one worker did."""

    def median(field: str, of: list[Result] = runs) -> float:
        return statistics.median(getattr(run, field) for run in of)

    cost = "cpu_per_call_pct"
    return [
        str(workers),
        str(runs[0].calls),
        f"{median('connected'):.0f}",
        *(f"{statistics.median(run.percentile(part) for run in runs):.1f} ms" for part in (0.5, 0.95)),
        f"{median('lost_pct'):.2f}",
        f"{median('late_pct'):.2f}",
        f"{median(cost):.2f}",
        f"{workers * median(cost, one) / median(cost):.2f}",
    ]


def main() -> None:
    """Measure and print."""
    end_what_was_started()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=lambda text: tuple(int(each) for each in text.split(",")), default=(1, 2))
    parser.add_argument("--calls", type=int, default=12, help="of each worker")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--tries", type=int, default=quiet.TRIES, help="how often a disturbed run is made at most")
    args = parser.parse_args()
    runs: dict[int, list[Result]] = defaultdict(list)
    for _ in range(args.rounds):
        for workers in args.workers:
            ours = dataclasses.replace(OURS, workers=workers)
            runs[workers].append(undisturbed(ours, workers * args.calls, args.seconds, args.tries))
    print(f"\nWorkers, {args.rounds} interleaved round(s) of {args.seconds:g} s\n")
    print(circumstances(kept=False), end="\n\n")
    print(table(HEADS, [row(workers, runs[workers], runs[args.workers[0]]) for workers in args.workers]))


if __name__ == "__main__":
    main()
