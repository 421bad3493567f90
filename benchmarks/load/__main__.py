"""What is promised of a loaded server, and what was measured.

``python -m benchmarks.load [--only L1,L2,L3,L5,L6] [--seconds 120] [--cycles 2000]``. The server runs in a process and on a
core of its own, the callers on the other. Without ``--seconds`` each lasts as long as its promise says.

Needs the repository with its tests: one kind of deaf client is theirs.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator

from benchmarks.ending import end_what_was_started
from benchmarks.load.churn import l3
from benchmarks.load.overload import l5
from benchmarks.load.slow import l6
from benchmarks.load.together import l1, l2
from benchmarks.promises import Line, collected, told

LASTING = {"L1": l1, "L2": l2, "L5": l5, "L6": l6}
PARTS = ("L1", "L2", "L3", "L5", "L6")


def part(name: str, args: argparse.Namespace) -> AsyncIterator[Line]:
    """Return the lines of one part."""
    return l3(args.cycles) if name == "L3" else LASTING[name](args.seconds)


async def run(args: argparse.Namespace) -> list[Line]:
    """Run the chosen parts one after the other."""
    return [line for name in args.only.split(",") for line in await collected(part(name, args))]


def main() -> int:
    """Measure and print; returns 1 when a promise was broken."""
    end_what_was_started()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas")
    parser.add_argument("--seconds", type=float, help="of calls in each part")
    parser.add_argument("--cycles", type=int, help="calls of L3, one after the other")
    args = parser.parse_args()
    if unknown := set(args.only.split(",")) - set(PARTS):
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    return told(asyncio.run(run(args)))


if __name__ == "__main__":
    sys.exit(main())
