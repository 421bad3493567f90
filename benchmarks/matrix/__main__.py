"""Prints the matrix: ``python -m benchmarks.matrix [--only openai,gemini] [--ways websocket]``.

Every cell is one kind of turn of a real conversation through the real server, against a simulator that speaks the provider's
protocol: ``ok``, the sentence with which it is refused because the provider cannot do it, or ``FAILED``.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from benchmarks.ending import end_what_was_started
from benchmarks.matrix.cells import KINDS, WAYS, run_way
from tests.servers.fleet import FLEET


async def _all(ways: list[str], providers: list[str]) -> int:
    failed = 0
    for way in ways:
        print(f"\n{way}")
        print(f"{'':12}" + "".join(f"{kind:28}" for kind in KINDS))
        for provider, row in (await run_way(way, providers)).items():
            failed += sum(cell.startswith("FAILED") for cell in row.values())
            print(f"{provider:12}" + "".join(f"{row[kind][:26]:28}" for kind in KINDS))
            for kind in KINDS:
                if len(row[kind]) > 26:
                    print(f"{'':14}{kind}: {row[kind]}")
    print(f"\n{len(ways) * len(providers) * len(KINDS)} cells, {failed} failed")
    return failed


def main() -> None:
    """Read the arguments and print."""
    end_what_was_started()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.matrix", description=__doc__)
    parser.add_argument("--only", default=",".join(FLEET), help="providers, separated by commas")
    parser.add_argument("--ways", default=",".join(WAYS), help="ways in, separated by commas")
    said = parser.parse_args()
    sys.exit(bool(asyncio.run(_all(said.ways.split(","), said.only.split(",")))))


if __name__ == "__main__":
    main()
