"""What was tried, what is promised, what was measured, and whether that keeps the promise: one row each, one table."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterable, Iterable, Sequence
from dataclasses import dataclass

from benchmarks.servers import circumstances, table


@dataclass(frozen=True, slots=True)
class Line:
    """One row: what was tried, what is promised, what was measured, and whether that keeps the promise."""

    tried: str
    promised: str
    measured: str
    kept: bool


async def collected(lines: AsyncIterable[Line]) -> list[Line]:
    """Return the lines as they come; progress goes to stderr."""
    found = []
    async for line in lines:
        print(f"{'kept  ' if line.kept else 'BROKEN'} {line.tried}: {line.measured}", file=sys.stderr, flush=True)
        found.append(line)
    return found


def told(lines: Iterable[Line], *, kept: bool = True) -> int:
    """Print the circumstances and the table; returns 1 when a promise was broken. ``kept``: see :func:`circumstances`."""
    rows = [(line.tried, line.promised, line.measured, "yes" if line.kept else "NO") for line in lines]
    print(circumstances(kept=kept), end="\n\n")
    print(table(("tried", "promised", "measured", "kept"), rows))
    return int(any(row[-1] == "NO" for row in rows))


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value that this part of them does not exceed, NaN when there is none."""
    return sorted(values)[min(len(values) - 1, int(part * len(values)))] if values else float("nan")
