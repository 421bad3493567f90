"""What becomes of a server as its calls grow: round trip, cost, memory and threads, as a table and as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.generator import Result
from benchmarks.plot import Panel

HEADS = (
    "server", "calls", "RTT p50", "p95", "p99", "CPU % per call", "threads", "memory per call, MB", "others",
)  # fmt: skip
LOADED = 0.8
"""The part of its capacity at which each server is looked at once more."""
SHOWN_MS = 400.0


def loaded(capacity: int) -> int:
    """Return the number of calls that is this part of the capacity, one at least."""
    return max(1, int(capacity * LOADED))


def memory_per_call(alone: Result, many: Result) -> float:
    """Return how much memory each further call took, in MB; NaN where there was none."""
    further = many.connected - alone.connected
    return (many.rss_mb - alone.rss_mb) / further if further > 0 else float("nan")


def row(name: str, alone: Result, result: Result) -> list[str]:
    """Return one line; what a call takes is over the run with one call, which has loaded and warmed up everything."""
    grown = memory_per_call(alone, result)
    return [
        name,
        str(result.connected),
        *(f"{result.percentile(part):.1f} ms" for part in (0.5, 0.95, 0.99)),
        f"{result.cpu_per_call_pct:.2f}",
        str(result.threads),
        "" if grown != grown else f"{grown:.2f}",
        f"{result.foreign_pct:.0f} %",
    ]


def panels(runs: Mapping[str, Sequence[Result]]) -> list[Panel]:
    """Return the charts of all that was measured of each server."""

    def lines(value) -> dict[str, list[tuple[float, float]]]:
        found = {
            name: sorted((each.calls, value(each)) for each in results if each.connected)
            for name, results in runs.items()
        }
        return {name: [point for point in line if point[1] == point[1]] for name, line in found.items()}

    return [
        Panel("CPU of one call as calls grow", "calls", "% of a core", lines(lambda each: each.cpu_per_call_pct)),
        Panel("Round trip, p95", "calls", "ms", lines(lambda each: each.percentile(0.95)), SHOWN_MS),
    ]
