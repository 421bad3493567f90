"""The command ``mediaserver call``: arguments, the printed timeline and transcript, the exit code."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from signaling.headless.call import CallFailed, Target
from signaling.headless.conversation import Conversation
from signaling.headless.record import Record, TurnRecord
from signaling.headless.script import Turn

EXAMPLES = """
examples:
  mediaserver call http://localhost:8080 --wav hello.wav --out answer.wav
  mediaserver call http://localhost:8080 --text "count to twenty" --wav stop.wav --barge-in 2
  mediaserver call https://voice.example.org --key "$KEY" --wav order.wav --expect "two coffees please" --json

exit code: 0 when each turn got an answer, 1 when one did not, 2 when the call could not be made
"""


class _AddTurn(argparse.Action):
    """--wav and --text add a turn."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option: str | None = None) -> None:
        namespace.turns = [*namespace.turns, Turn("wav" if option == "--wav" else "text", str(values))]


class _OfTurn(argparse.Action):
    """--barge-in and --expect belong to the turn named before them."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option: str | None = None) -> None:
        if not namespace.turns:
            parser.error(f"{option} belongs to a turn: put it after its --wav or --text")
        if self.dest == "barge_in" and len(namespace.turns) == 1:
            parser.error("--barge-in cuts into an answer: the first turn has none before it")
        setattr(namespace.turns[-1], self.dest, values)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what ``mediaserver call`` takes."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = "Call a server over WebRTC, say something, and hear, print and keep what comes back."
    parser.epilog = EXAMPLES
    parser.set_defaults(turns=[])
    parser.add_argument("url", help="the server, as in http://localhost:8080")
    parser.add_argument(
        "--wav", action=_AddTurn, metavar="IN.wav", type=Path, help="a turn to say (16 bit PCM); repeatable"
    )
    parser.add_argument("--text", action=_AddTurn, metavar="WORDS", help="a turn to write instead; repeatable")
    parser.add_argument(
        "--barge-in",
        action=_OfTurn,
        type=_seconds,
        metavar="SECONDS",
        help="say this turn so long after the answer before began",
    )
    parser.add_argument(
        "--expect", action=_OfTurn, metavar="WORDS", help="what this turn says: prints the word error rate"
    )
    parser.add_argument("--out", type=Path, metavar="OUT.wav", help="keep what was heard, with its real timing")
    parser.add_argument("--model", default="local", help="whom to speak with (default: local)")
    parser.add_argument(
        "--key", default=os.environ.get("MEDIASERVER_API_KEY", "sk-local"), help="API key; else $MEDIASERVER_API_KEY"
    )
    parser.add_argument("--insecure", action="store_true", help="accept a self-signed certificate")
    parser.add_argument(
        "--answer-timeout", type=_seconds, default=20.0, metavar="SECONDS", help="give up on an answer (default: 20)"
    )
    parser.add_argument(
        "--json", action="store_true", help="print everything as one JSON object; the timeline goes to stderr"
    )


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 3600:
        raise argparse.ArgumentTypeError("seconds between 0 and 3600")
    return value


def run(args: argparse.Namespace) -> int:
    """Hold the call and print it. Returns the exit code, see the help."""
    if not args.turns:
        print("nothing to say: give at least one --wav or --text", file=sys.stderr)
        return 2
    record = Record(lambda line: print(line, file=sys.stderr if args.json else sys.stdout, flush=True))
    target = Target(args.url, args.model, args.key, args.insecure)
    try:
        conversation = Conversation(target, args.turns, record, answer_timeout_s=args.answer_timeout)
        failed = _hold(conversation, record)
    except (OSError, ValueError) as problem:
        print(problem, file=sys.stderr)
        return 2
    if args.out:
        conversation.ear.write(args.out)
        record.facts["out"] = str(args.out)
    print(json.dumps(record.as_data()) if args.json else report(record.turns))
    return 2 if failed and not record.turns else 0 if record.ok and not failed else 1


def _hold(conversation: Conversation, record: Record) -> bool:
    failed = False
    try:
        asyncio.run(conversation.run())
    except* CallFailed as problems:
        failed = True
        for problem in problems.exceptions:
            record.problem(0.0, str(problem))
    return failed


def report(turns: Sequence[TurnRecord]) -> str:
    """Return the transcript with its figures, for people."""
    lines = ["", "transcript"]
    for number, turn in enumerate(turns, 1):
        lines += [f"  {number}. you      {_said(turn)}", f"     answer   {_answer(turn)}"]
        if turn.stages:
            stages = " + ".join(f"{s['name']} {round(s['end_ms'] - s['start_ms'])}" for s in turn.stages)
            total = round(turn.stages[-1]["end_ms"] - turn.stages[0]["start_ms"])
            lines.append(f"     stages   {stages} = {total} ms")
    answered = sum(turn.answered for turn in turns)
    return "\n".join([*lines, "", f"{answered} of {len(turns)} turns answered"])


def _said(turn: TurnRecord) -> str:
    if turn.kind == "text":
        return f"“{turn.said}”"
    heard = "(no transcript)" if turn.transcript is None else f"“{turn.transcript}”"
    rate = (
        "" if turn.word_error_rate is None else f"   word error rate {turn.word_error_rate:.0%} against “{turn.expect}”"
    )
    return heard + rate


def _answer(turn: TurnRecord) -> str:
    if not turn.answered:
        return "none"
    text = f"“{turn.answer.text}”" if turn.answer.text else "(sound without words)"
    latency = "" if turn.latency_ms is None else f"   first sound after {turn.latency_ms} ms"
    cut = turn.answer.interrupted
    return text + latency + (f"   cut off after “{cut['text']}”" if cut else "")
