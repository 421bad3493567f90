"""How much later sound comes back through a server than from a perfect mirror; our echo beside its peers, interleaved.

usage: python -m benchmarks.added_latency [--only ours,pipecat] [--alone] [--calls 1] [--rounds 3] [--seconds 10] [--tries 6]
"""

from __future__ import annotations

import argparse
from collections import defaultdict

from benchmarks.ending import end_what_was_started
from benchmarks.generator import Result
from benchmarks.servers import add_choice, as_json, chosen, circumstances, table, undisturbed

HEADS = ("server", "RTT p50", "p95", "p99", "bursts heard", "lost %", "late %", "CPU % per call", "memory MB", "others")


def row(name: str, runs: list[Result]) -> list[str]:
    """Return the table's row: percentiles over the bursts of all rounds, means of the rest."""
    whole = Result(**{field: getattr(runs[0], field) for field in Result.__slots__})
    whole.rtt = sorted(value for run in runs for value in run.rtt)
    sent = sum(run.sent_bursts for run in runs)

    def mean(field: str) -> float:
        return sum(getattr(run, field) for run in runs) / len(runs)

    return [
        name,
        *(f"{whole.percentile(part):.1f} ms" for part in (0.5, 0.95, 0.99)),
        f"{len(whole.rtt)} of {sent}",
        f"{mean('lost_pct'):.2f}",
        f"{mean('late_pct'):.2f}",
        f"{mean('cpu_per_call_pct'):.2f}",
        f"{mean('rss_mb'):.0f}",
        f"{max(run.foreign_pct for run in runs):.0f} %",
    ]


def main() -> None:
    """Measure and print."""
    end_what_was_started()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--json", action="store_true", help="print every run as well")
    add_choice(parser)
    args = parser.parse_args()
    contestants = chosen(args)
    runs: dict[str, list[Result]] = defaultdict(list)
    for _ in range(args.rounds):
        for contestant in contestants:
            runs[contestant.name].append(undisturbed(contestant, args.calls, args.seconds, args.tries))
    print(f"\nAdded round trip, {args.calls} call(s), {args.rounds} interleaved rounds of {args.seconds:g} s\n")
    print(circumstances(), end="\n\n")
    print(table(HEADS, [row(name, each) for name, each in runs.items()]))
    if args.json:
        print(as_json(runs))


if __name__ == "__main__":
    main()
