"""From the end of the caller's voice to the first sound of the answer: our hybrid chain beside Pipecat's.

Speech-to-text, a language model and a voice are simulated with delays that never vary (:mod:`benchmarks.peers.stages`):
300 ms to the text, 350 ms to the first token, 150 ms to the first sound. A caller over WebRTC (:mod:`benchmarks.questions`)
asks the same question again and again. Each contestant is started anew in each round; callers and providers share the other
core.

The sum is the least that a contestant's own arrangement allows: the silence that ends a turn (500 ms), and of the delays
what is not spent during it. One after the other that is 1300 ms.

- ``ours``: nothing is begun before the turn is over (``speculate: off``). Sum 1300.
- ``ours-text``: speech-to-text of whole turns with ``on_pause``: written down after 200 ms of silence. Sum 1000.
- ``ours-live``, ``ours-live-speech``: Deepgram's protocol, so that the language model begins after 200 ms too
  (``speculate: text``), or the voice as well (``speech``). Sum 700.
- ``pipecat``: its voice detector waits for 500 ms, and then the speech is written down, as ``ours`` does it. Sum 1300.
- ``pipecat-200``: its detector waits for 200 ms, as it does unless told, and the speech is written down while its turns wait
  for 300 ms more: the quickest with an end after 500 ms, as ``ours-text`` does it. Sum 1000.
- ``pipecat-smart``, only when it is named: as it comes; Smart Turn, not a silence, ends the turn after 200 ms. Sum 1000.

usage: python -m benchmarks.voice_to_voice [--only ours,ours-text,...] [--alone] [--rounds 4] [--turns 10]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import subprocess
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks import quiet
from benchmarks.ending import end_what_was_started
from benchmarks.peers.environment import ROOT
from benchmarks.peers.stages import DELAYS_S
from benchmarks.promises import percentile
from benchmarks.questions import Asked, Turn
from benchmarks.servers import (
    OURS,
    PIPECAT_HOME,
    Contestant,
    Provider,
    add_choice,
    chosen,
    circumstances,
    providing,
    running,
    table,
)  # fmt: skip

STT_MS, LLM_MS, TTS_MS = (round(1000 * DELAYS_S[stage]) for stage in ("stt", "llm", "tts"))
END_MS = 500
"""The silence that ends a turn: turns.silence_duration_ms of ours."""

QUIET_MS = 200
"""The silence after which we guess, and after which ``pipecat-200`` begins to write down."""

SERIAL_MS = END_MS + STT_MS + LLM_MS + TTS_MS
EARLY_MS = max(END_MS, QUIET_MS + STT_MS) + LLM_MS + TTS_MS
GUESS_MS = max(END_MS, QUIET_MS + STT_MS, QUIET_MS + LLM_MS) + TTS_MS
"""One after the other; written down during the wait for the end; answered on a guess during the wait for the text too."""
STAGES = ("stt", "llm", "tts")
HEADS = (
    "server", "p50", "p95", "sum", "over it, p50", "p95", "÷ pipecat", "missed", "end → stt", "stt → llm", "llm → tts",
    "tts → heard",
)  # fmt: skip

FILES = {"engine": "openai_compatible", "url": "{base}/v1", "model": "whisper-1", "on_pause": True}
LIVE = {"engine": "deepgram", "url": "{base}", "key": "k"}
"""Speech-to-text that takes whole turns, and that hears while the caller speaks."""


@dataclass(frozen=True, slots=True)
class Row:
    """A contestant, the least its arrangement allows, and of ours who hears and what is begun on a guess."""

    contestant: Contestant
    sum_ms: int
    speculate: str = ""
    stt: Mapping[str, Any] = field(default_factory=dict)


def ours(name: str, sum_ms: int, speculate: str, stt: Mapping[str, Any]) -> Row:
    """Return a row of ours."""
    return Row(dataclasses.replace(OURS, name=name), sum_ms, speculate, stt)


def pipecat(name: str, sum_ms: int, *told: str) -> Row:
    """Return a row of Pipecat's."""
    command = ("-m", "benchmarks.peers.pipecat_chain", "--port", "{port}", "--provider", "{provider}", *told)
    return Row(Contestant(name, command, PIPECAT_HOME), sum_ms)


ROWS = (
    ours("ours", SERIAL_MS, "off", FILES),
    ours("ours-text", EARLY_MS, "text", FILES),
    ours("ours-live", GUESS_MS, "text", LIVE),
    ours("ours-live-speech", GUESS_MS, "speech", LIVE),
    pipecat("pipecat", SERIAL_MS, "--stop", "0.5"),
    pipecat("pipecat-200", EARLY_MS, "--stop", "0.2", "--wait", "0.3"),
    pipecat("pipecat-smart", QUIET_MS + STT_MS + LLM_MS + TTS_MS),
)
NAMED_ONLY = ("pipecat-smart",)


@dataclass(slots=True)
class Figures:
    """What a contestant's turns took, in milliseconds, and what each stage waited for."""

    times: list[float] = field(default_factory=list)
    missed: int = 0
    held: int = 0
    waits: dict[str, list[float]] = field(default_factory=dict)
    foreign: list[float] = field(default_factory=list)

    def take(self, asked: Asked, marks: Sequence[dict[str, Any]]) -> None:
        """Count the turns of one call."""
        self.foreign.append(asked.foreign_pct)
        for turn in asked.turns:
            self.held += turn.held
            if turn.heard is None:
                self.missed += 1
                continue
            self.times.append(1000 * (turn.heard - turn.ended))
            for name, wait in waits(turn, marks).items():
                self.waits.setdefault(name, []).append(wait)


def waits(turn: Turn, marks: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return what lay before each stage and after the last, in ms; less than 0 where a stage began before another's end."""
    assert turn.heard is not None
    found: dict[str, float] = {}
    before = turn.ended
    for stage in STAGES:
        mark = next((m for m in marks if m["stage"] == stage and turn.ended <= m["asked"] <= turn.heard), None)
        if mark is None:
            continue
        found[stage] = 1000 * (mark["asked"] - before)
        before = mark["answered"]
    return found | {"heard": 1000 * (turn.heard - before)}


def sections(row: Row, provider: Provider) -> dict[str, dict[str, object]] | None:
    """Return what our server is configured with."""
    if row.contestant.environment:
        return None
    base = f"http://127.0.0.1:{provider.port}"
    chain = {
        "bridge": "hybrid",
        "stt": {**row.stt, "url": row.stt["url"].format(base=base)},
        "llm": {"engine": "openai_compatible", "base_url": f"{base}/v1", "model": "stages"},
        "tts": {"engine": "openai_compatible", "url": f"{base}/v1"},
        "speculate": row.speculate,
    }
    return {"models": {"chain": chain}, "turns": {"silence_duration_ms": END_MS}}


def measure(row: Row, provider: Provider, turns: int) -> tuple[Asked, list[dict[str, Any]]]:
    """Make one call against a fresh server; returns its turns and the marks of the providers."""
    contestant = dataclasses.replace(row.contestant, provider=provider if row.contestant.environment else None)
    taken(provider)
    with running(contestant, sections(row, provider)) as (url, pid):
        command = [sys.executable, "-m", "benchmarks.questions", url, "--model", "chain", "--turns", str(turns)]
        command += ["--ours", str(pid), str(provider.pid)]
        if pair := contestant.cores:
            command += ["--core", str(pair[1])]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60 + 20 * turns)
    if done.returncode:
        raise RuntimeError(f"{contestant.name}: {done.stderr.strip()}")
    told = json.loads(done.stdout)
    return Asked([Turn(**each) for each in told["turns"]], told["foreign_pct"]), taken(provider)


def taken(provider: Provider) -> list[dict[str, Any]]:
    """Return the marks of the providers since the last time."""
    with urllib.request.urlopen(f"http://127.0.0.1:{provider.port}/marks", timeout=5) as answer:
        marks: list[dict[str, Any]] = json.load(answer)
    return marks


def undisturbed(row: Row, provider: Provider, turns: int, tries: int) -> tuple[Asked, list[dict[str, Any]]]:
    """Measure until the machine was quiet meanwhile, so many times at most; the last one counts."""
    for _ in range(tries):
        asked, marks = measure(row, provider, turns)
        if asked.foreign_pct <= quiet.MOST_PCT:
            break
        print(f"{row.contestant.name}: others used {asked.foreign_pct:.0f} % of a core", file=sys.stderr)
    return asked, marks


def cells(row: Row, figures: Figures, peer: Figures | None) -> list[str]:
    """Return the line of the table."""
    if not figures.times:
        return [row.contestant.name, *["-"] * (len(HEADS) - 1)]
    p50, p95 = percentile(figures.times, 0.5), percentile(figures.times, 0.95)
    ratio = f"{p50 / percentile(peer.times, 0.5):.2f}" if peer and peer.times else "-"
    stages = [f"{statistics.median(figures.waits.get(stage, [float('nan')])):.0f}" for stage in (*STAGES, "heard")]
    over = [f"{value - row.sum_ms:+.0f}" for value in (p50, p95)]
    return [
        row.contestant.name,
        f"{p50:.0f} ms",
        f"{p95:.0f} ms",
        str(row.sum_ms),
        *over,
        ratio,
        str(figures.missed),
        *stages,
    ]


def run(rows: Sequence[Row], provider: Provider, args: argparse.Namespace) -> dict[str, Figures]:
    """Measure all in turn, round after round."""
    found = {row.contestant.name: Figures() for row in rows}
    for number in range(args.rounds):
        for row in rows:
            figures = found[row.contestant.name]
            figures.take(*undisturbed(row, provider, args.turns, args.tries))
            latest = " ".join(f"{each:.0f}" for each in figures.times[-args.turns :])
            print(f"round {number + 1}, {row.contestant.name}: {latest}", file=sys.stderr)
    return found


def main() -> None:
    """Measure and print."""
    end_what_was_started()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--turns", type=int, default=10, help="in each round")
    known = [row.contestant for row in ROWS]
    add_choice(parser, known)
    parser.set_defaults(only=",".join(each.name for each in known if each.name not in NAMED_ONLY))
    args = parser.parse_args()
    names = {each.name for each in chosen(args, known)}
    rows = [row for row in ROWS if row.contestant.name in names]
    with providing("benchmarks.peers.stages") as provider:
        found = run(rows, provider, args)
    print(f"\nVoice to voice, {args.rounds} interleaved rounds of {args.turns} turns\n")
    print(circumstances(), end="\n\n")
    print(table(HEADS, [cells(row, found[row.contestant.name], found.get("pipecat")) for row in rows]))
    most = max((pct for figures in found.values() for pct in figures.foreign), default=0.0)
    held = sum(figures.held for figures in found.values())
    print(f"\nOthers used at most {most:.0f} % of a core; the caller was late in {held} turns.")


if __name__ == "__main__":
    main()
