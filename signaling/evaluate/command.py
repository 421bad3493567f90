"""The command ``mediaserver evaluate``: arguments, one call after the other, the table, the exit code."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from mediaserver.configfile import load as load_config
from mediaserver.errors import ConfigError
from signaling.evaluate.expectations import failures
from signaling.evaluate.figures import Figures, figures
from signaling.evaluate.inprocess import policy_of, rehearse
from signaling.evaluate.report import Outcome, as_data, passed, table
from signaling.evaluate.score import Score, score
from signaling.evaluate.script import Noise, Script, ScriptError, load
from signaling.evaluate.take import Take
from signaling.evaluate.voices import Voices, find_voice

SUITE = Path(__file__).with_name("scripts")
"""What is played when no scripts are named."""
RECORDED = SUITE / "recorded"
"""... and besides, where there are recordings: human voices."""

EXAMPLES = """
examples:
  mediaserver evaluate --in-process
  mediaserver evaluate --url http://localhost:8080 --model local --json report.json
  mediaserver evaluate my-scripts/ --in-process --turns semantic_vad --noise-db 20,10,5

exit code: 0 when all was as expected and no target missed, 1 when not, 2 when nothing could be played
"""

Play = Callable[[Score], Take]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what ``mediaserver evaluate`` takes."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = "Play scripted callers against a model, and measure how well turns are taken."
    parser.epilog = EXAMPLES
    parser.add_argument("scripts", nargs="*", type=Path, help="scripts or folders of them (default: our own suite)")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--url", help="a server, called over WebRTC in real time, as in http://localhost:8080")
    where.add_argument(
        "--in-process", action="store_true", help="our turn-taking alone, in virtual time, with a scripted agent"
    )
    parser.add_argument("--model", default="local", help="whom to speak with at --url (default: local)")
    parser.add_argument(
        "--key", default=os.environ.get("MEDIASERVER_API_KEY", "sk-local"), help="API key; else $MEDIASERVER_API_KEY"
    )
    parser.add_argument("--insecure", action="store_true", help="accept a self-signed certificate")
    parser.add_argument(
        "--turns",
        choices=("server_vad", "semantic_vad"),
        help="who decides when a turn is over (default: as it is set)",
    )
    parser.add_argument("--config", metavar="FILE", help="--in-process: take turns as a server with this configuration")
    parser.add_argument(
        "--noise-db", type=_levels, default=(), metavar="DB,DB", help="play each script again over noise this far below"
    )
    parser.add_argument("--recordings", type=Path, metavar="FOLDER", help="where the WAV files of clip: lie")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything as one JSON object too")


def _levels(text: str) -> tuple[float, ...]:
    levels = tuple(float(part) for part in text.split(","))
    if not all(-20 <= level <= 60 for level in levels):
        raise argparse.ArgumentTypeError("decibels between -20 and 60, as in 20,10,5")
    return levels


def run(args: argparse.Namespace) -> int:
    """Play everything and print the table. Returns the exit code, see the help."""
    try:
        play = _player(args)
        outcomes = [_outcome(made, play) for made in _scores(args)]
    except (ScriptError, ConfigError) as problem:
        print(problem, file=sys.stderr)
        return 2
    how = {"url": args.url, "model": args.model if args.url else "scripted", "turns": args.turns}
    if args.json:
        args.json.write_text(json.dumps(as_data(outcomes, how), indent=1))
    print(table(outcomes))
    return 0 if passed(outcomes) else 1


def _scores(args: argparse.Namespace) -> Iterator[Score]:
    scripts = load(args.scripts or ([SUITE, RECORDED] if args.recordings else [SUITE]))
    voices = Voices(find_voice(), args.recordings)
    for script in variants(scripts, args.noise_db):
        yield score(script, voices)


def variants(scripts: Sequence[Script], noise_db: Sequence[float]) -> Iterator[Script]:
    """Yield each script, and again over noise at these levels unless it has a noise of its own."""
    for script in scripts:
        yield script
        for level in noise_db if script.noise is None else ():
            yield msgspec.structs.replace(script, name=f"{script.name}@{level:g}dB", noise=Noise("pink", level))


def _player(args: argparse.Namespace) -> Play:
    if args.in_process:
        policy = policy_of(load_config(args.config), args.turns)
        return lambda made: rehearse(made, policy)
    return lambda made: _shown(_called(args, made))


def _shown(take: Take) -> Take:
    """Say that a call is over: each takes as long as it lasts."""
    print(f"{take.script.name}: {'; '.join(failures(take)) or 'as expected'}", file=sys.stderr, flush=True)
    return take


def _called(args: argparse.Namespace, made: Score) -> Take:
    """Call the server; a call that cannot be made is one that went wrong."""
    from signaling.evaluate.live import LiveCall  # loads aiortc, which --in-process does without
    from signaling.headless.call import CallFailed, Target

    target = Target(args.url, args.model, args.key, args.insecure)

    async def call() -> Take:
        return await LiveCall(target, made, args.turns and {"type": args.turns}).run()

    take = Take(made.script)
    try:
        take = asyncio.run(call())
    except* CallFailed as problems:
        take.problem = "; ".join(str(problem) for problem in _each(problems))
    return take


def _each(group: BaseExceptionGroup[Any]) -> Iterator[BaseException]:
    for problem in group.exceptions:
        yield from _each(problem) if isinstance(problem, BaseExceptionGroup) else [problem]


def _outcome(made: Score, play: Play) -> Outcome:
    take = play(made)
    return Outcome(take.script.name, Figures() if take.problem else figures(take), failures(take))
