"""Prints the faults: ``python -m benchmarks.faults [--only openai,gemini] [--faults "P1 mid-reply"] [--runs 3]``."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import defaultdict

from benchmarks.ending import end_what_was_started
from benchmarks.faults.scenarios import SCENARIOS, Outcome
from tests.servers.fleet import FLEET

AT_ONCE = 4


async def _run(fault: str, provider: str, place: asyncio.Semaphore) -> Outcome:
    async with place:
        try:
            async with asyncio.timeout(200):
                return await SCENARIOS[fault](provider)
        except (Exception, BaseExceptionGroup) as problem:
            return Outcome(wrong=[f"{type(problem).__name__}: {problem}"])


def _p95(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, round(0.95 * (len(values) - 1)))]


def _line(outcomes: list[Outcome]) -> str:
    figures: dict[str, list[float]] = defaultdict(list)
    for outcome in outcomes:
        for name, value in outcome.figures.items():
            figures[name].append(value)
    said = ", ".join(f"{name} {_p95(values):.0f}" for name, values in figures.items())
    wrong = sorted({one for outcome in outcomes for one in (*outcome.wrong, *outcome.slow)})
    return f"{'ok    ' if not wrong else 'FAILED'} {said}" + "".join(f"\n{'':32}{one}" for one in wrong)


async def _all(providers: list[str], faults: list[str], runs: int) -> int:
    place = asyncio.Semaphore(AT_ONCE)
    failed = 0
    print(f"figures are p95 over {runs} runs; at most {AT_ONCE} calls at once")
    for fault in faults:
        print(f"\n{fault}")
        work = [asyncio.gather(*(_run(fault, name, place) for _ in range(runs))) for name in providers]
        for name, outcomes in zip(providers, await asyncio.gather(*work), strict=True):
            failed += any(outcome.wrong or outcome.slow for outcome in outcomes)
            print(f"  {name:12} {_line(outcomes)}", flush=True)
    print(f"\n{len(faults) * len(providers)} rows, {failed} failed")
    return failed


def main() -> None:
    """Read the arguments and print."""
    end_what_was_started()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--only", default=",".join(FLEET), help="providers, separated by commas")
    parser.add_argument("--faults", default=",".join(SCENARIOS), help="faults, separated by commas")
    parser.add_argument("--runs", type=int, default=3, help="runs of each")
    said = parser.parse_args()
    sys.exit(bool(asyncio.run(_all(said.only.split(","), said.faults.split(","), said.runs))))


if __name__ == "__main__":
    main()
