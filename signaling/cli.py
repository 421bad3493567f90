"""The command line: ``mediaserver <command>``. Each command is a module with ``add_arguments`` and ``run``."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from mediaserver import __version__

COMMANDS = {
    "serve": ("signaling.serve", "run the voice server"),
    "call": ("signaling.headless", "call a server from here with recorded speech, and print what happened"),
    "evaluate": ("signaling.evaluate", "play scripted callers against a model, and measure how well turns are taken"),
    "doctor": ("signaling.doctor", "check ports, addresses, codecs and a call to itself; say what is wrong"),
}
"""Name, module, and one line of help; only the chosen command is imported."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    parser = argparse.ArgumentParser(prog="mediaserver", description="The voice server.")
    parser.add_argument("--version", action="version", version=f"mediaserver {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    chosen = next((word for word in given if word in COMMANDS), None)
    for name, (module, line) in COMMANDS.items():
        command = commands.add_parser(name, help=line, description=line)
        if name == chosen:
            importlib.import_module(module).add_arguments(command)
    parsed = parser.parse_args(given)
    return int(importlib.import_module(COMMANDS[parsed.command][0]).run(parsed))
