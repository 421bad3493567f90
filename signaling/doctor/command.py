"""The command ``mediaserver doctor``: arguments, the printed findings, the exit code."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import asdict

import msgspec

from mediaserver.config import Config
from mediaserver.configfile import load
from mediaserver.errors import ConfigError
from signaling.doctor.checks import CHECKS
from signaling.doctor.findings import Finding, wrong

SIGNS = {"ok": "ok   ", "note": "note ", "wrong": "WRONG"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what ``mediaserver doctor`` takes."""
    parser.description = (
        "Look at this machine as the server would use it, call it, and say what is wrong and what to do."
    )
    parser.epilog = "exit code: 0 when nothing is wrong, 1 when something is"
    parser.add_argument("--config", metavar="FILE", help="the configuration that will be used; without it the defaults")
    parser.add_argument("--host", help="as for serve")
    parser.add_argument("--port", type=int, help="as for serve")
    parser.add_argument("--no-call", action="store_true", help="leave out the calls to itself")
    parser.add_argument("--json", action="store_true", help="print the findings as one JSON object")


def run(args: argparse.Namespace) -> int:
    """Print each finding as it is made. Returns 0 when nothing is wrong, else 1."""
    with _quiet_logs():
        findings = asyncio.run(_collect(args))
    if args.json:
        print(json.dumps({"ok": _sound(findings), "findings": [asdict(each) for each in findings]}))
    else:
        print(_verdict(findings))
    return 0 if _sound(findings) else 1


@contextlib.contextmanager
def _quiet_logs() -> Iterator[None]:
    """The findings say it, in one place."""
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        root.setLevel(before)


async def _collect(args: argparse.Namespace) -> list[Finding]:
    findings = []
    async for finding in _findings(args):
        findings.append(finding)
        if not args.json:
            print(text(finding), flush=True)
    return findings


async def _findings(args: argparse.Namespace) -> AsyncIterator[Finding]:
    try:
        config = _configured(args)
    except ConfigError as problem:
        yield wrong("configuration", str(problem), "correct the file; config.yaml in the repository shows every key")
        return
    for check in CHECKS:
        for finding in check(config):
            yield finding
    if not args.no_call:
        from signaling.doctor.selfcall import call_itself  # loads the whole server

        async for finding in call_itself(config):
            yield finding


def _configured(args: argparse.Namespace) -> Config:
    config = load(args.config)
    given = {name: getattr(args, name) for name in ("host", "port") if getattr(args, name) is not None}
    return msgspec.structs.replace(config, server=msgspec.structs.replace(config.server, **given))


def text(finding: Finding) -> str:
    """Return a finding for people."""
    line = f"{SIGNS[finding.verdict]}  {finding.name:<14} {finding.said}"
    return f"{line}\n{'':<22}→ {finding.remedy}" if finding.remedy else line


def _sound(findings: Iterable[Finding]) -> bool:
    return all(each.verdict != "wrong" for each in findings)


def _verdict(findings: list[Finding]) -> str:
    bad = sum(each.verdict == "wrong" for each in findings)
    return (
        "\nEverything that was looked at works." if not bad else f"\n{bad} of {len(findings)} findings must be mended."
    )
