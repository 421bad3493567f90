"""How many calls one core relays to a realtime provider, each side talking about half of the time; ours beside Pipecat.

Callers over WebRTC, the server that is measured, and a provider that speaks OpenAI's Realtime protocol and answers each turn
with what it heard (:mod:`benchmarks.peers.turn_realtime`). A caller speaks for 3 s, is answered for 3 s, and both are silent
for 0.7 s. Pipecat does the same work with its SmallWebRTC transport and its OpenAI realtime service, at the same provider.
Callers and provider share the other core. ``ours-agent`` and ``ours-opus``, measured when they are named, do the same with
an agent that speaks Deepgram's protocol, over PCM and over Opus: what passing packets through saves.

A number of calls passes a round when all are connected, 99 % of the packets with sound come less than 20 ms later than the
call's best, less than 3 % of the answers' sound is missing, and answers begin (p95) within 100 ms of that server's own
median with one call. The figure is the largest number that passed every round. An answer is waited for 200 ms at least: the
provider has to know that the turn is over.

usage: python -m benchmarks.full_relay [--only ours,pipecat] [--alone] [--counts 1,2,4,6,8,12,...] [--rounds 1] [--periods 1]
"""

from __future__ import annotations

import argparse
import dataclasses

from benchmarks import growth
from benchmarks.ending import end_what_was_started
from benchmarks.generator import Result
from benchmarks.servers import (
    OURS,
    PIPECAT,
    Contestant,
    add_choice,
    chosen,
    circumstances,
    providing,
    table,
)  # fmt: skip
from benchmarks.sessions_per_core import Ladder, climbed
from benchmarks.sound import FRAME, RATE
from benchmarks.turns import PERIOD_S, TURN

COUNTS = (2, 4, 6, 8, 12, 16, 24, 32, 40, 48, 56, 64, 72, 80)
LATENESS_MS, LOST_PCT, SLACK_MS = 20.0, 3.0, 100.0
TURN_MS = 1000 * TURN * FRAME / RATE
PROVIDER = ("--provider", "{provider}")
AGENT, OPUS = (
    dataclasses.replace(OURS, name=name, way=way)
    for name, way in (("ours-agent", "agent"), ("ours-opus", "agent-opus"))
)
ALL = (OURS, dataclasses.replace(PIPECAT, command=PIPECAT.command + PROVIDER))
HEADS = (
    "server", "calls per core", "first ÷ this", "CPU % per call", "answer after, one call", "at 80 %", "lateness p99",
)  # fmt: skip


def passes(result: Result, unloaded_ms: float) -> bool:
    """Say whether a run passes the rule above. NaN (nothing came back) does not."""
    whole = result.connected == result.calls and result.lost_pct < LOST_PCT
    return whole and result.lateness_p99_ms < LATENESS_MS and result.percentile(0.95) <= unloaded_ms + SLACK_MS


def described(result: Result) -> str:
    """Return one run in a line."""
    busy = ", THE CALLERS' CORE WAS BUSY" if result.bottleneck else ""
    heard = f"lateness p99 {result.lateness_p99_ms:.0f} ms, lost {result.lost_pct:.1f} %"
    answered = f"answer after {result.percentile(0.95) - TURN_MS:.0f} ms (p95)"
    used = f"CPU {result.cpu_pct:.0f} % ({result.cpu_per_call_pct:.2f} a call), others {result.foreign_pct:.0f} %"
    return f"{result.connected} connected, {heard}, {answered}, {used}{busy}"


def row(ladder: Ladder, load: Result, first: int) -> list[str]:
    """Return the line of the table."""
    return [
        ladder.contestant.name,
        str(ladder.capacity),
        f"{first / ladder.capacity:.1f}" if ladder.capacity else "-",
        f"{load.cpu_per_call_pct:.2f}",
        f"{ladder.unloaded_ms - TURN_MS:.0f} ms",
        f"{load.percentile(0.5) - TURN_MS:.0f} ms",
        f"{load.lateness_p99_ms:.1f} ms",
    ]


def run(contestants: list[Contestant], args: argparse.Namespace) -> list[list[str]]:
    """Let all climb in turn and return the lines of the table; the first is ours, or whoever was chosen in its place."""
    ladders = climbed(contestants, args, passes, described)
    loads = [ladder.measured(growth.loaded(ladder.capacity), args.seconds) for ladder in ladders]
    return [row(ladder, load, ladders[0].capacity) for ladder, load in zip(ladders, loads, strict=True)]


def main() -> None:
    """Measure and print."""
    end_what_was_started()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=lambda text: tuple(int(each) for each in text.split(",")), default=COUNTS)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--periods", type=int, default=1, help=f"measured in each run, of {PERIOD_S:.1f} s")
    add_choice(parser, (*ALL, AGENT, OPUS))
    parser.set_defaults(only=",".join(each.name for each in ALL))
    args = parser.parse_args()
    args.seconds = args.periods * PERIOD_S
    found = chosen(args, (*ALL, AGENT, OPUS))
    with providing("benchmarks.peers.turn_realtime") as running:
        rows = run([dataclasses.replace(each, provider=running) for each in found], args)
    print(f"\nCalls relayed per core, {args.rounds} interleaved round(s) of {args.seconds:.1f} s\n")
    print(circumstances(), end="\n\n")
    print(table(HEADS, rows))


if __name__ == "__main__":
    main()
