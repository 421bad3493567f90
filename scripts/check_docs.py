"""Checks the documentation: links between files and to headings exist, code blocks say things that can be true.

JSON and YAML blocks parse, Python blocks compile, ``make`` verbs exist, ``mediaserver`` commands and options exist.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
FENCE = re.compile(r"^```(?P<language>\w*)[^\n]*\n(?P<body>.*?)^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (?P<text>.+)$", re.MULTILINE)


def pages() -> list[Path]:
    """Return every Markdown file of the repository that git knows or would know."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],  # noqa: S607
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    return [ROOT / name for name in listed if (ROOT / name).exists()]


def anchors(page: Path) -> set[str]:
    """Return the names of a page's headings as links write them."""
    prose = FENCE.sub("", page.read_text())
    return {re.sub(r"[^\w\- ]", "", match["text"].lower()).replace(" ", "-") for match in HEADING.finditer(prose)}


def broken_links(page: Path) -> Iterator[str]:
    """Yield the links within the repository that lead nowhere."""
    for match in LINK.finditer(FENCE.sub("", page.read_text())):
        target, _, anchor = match["target"].partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        there = (page.parent / target).resolve() if target else page
        if not there.exists():
            yield f"link to {match['target']}: no such file"
        elif anchor and there.suffix == ".md" and anchor not in anchors(there):
            yield f"link to {match['target']}: no such heading"


def broken_blocks(page: Path) -> Iterator[str]:
    """Yield the code blocks that cannot be right."""
    for match in FENCE.finditer(page.read_text()):
        check = CHECKS.get(match["language"])
        try:
            for problem in check(match["body"]) if check else ():
                yield problem
        except (ValueError, SyntaxError, yaml.YAMLError) as problem:
            yield f"{match['language']} block: {problem}"


def _json(body: str) -> list[str]:
    json.loads(body)
    return []


def _yaml(body: str) -> list[str]:
    """A block of configuration must be a configuration that the server would accept, but for its secrets."""
    import msgspec

    from mediaserver.config import Config, Secret

    tree = yaml.safe_load(body)
    if isinstance(tree, dict) and set(tree) <= set(Config.__struct_fields__):
        msgspec.convert(tree, Config, dec_hook=lambda kind, value: Secret(value) if kind is Secret else value)
    return []


def _python(body: str) -> list[str]:
    ast.parse(body)
    return []


def _shell(body: str) -> list[str]:
    return [problem for line in body.splitlines() for problem in (*_make(line), *_mediaserver(line))]


def _make(line: str) -> Iterator[str]:
    verbs = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for verb in re.findall(r"^\s*make ([a-z]+)", line):
        if verb not in verbs:
            yield f"make {verb}: no such verb"


def _mediaserver(line: str) -> Iterator[str]:
    words = re.sub(r"\s#.*$", "", line.strip()).split()
    if len(words) > 1 and words[0] == "mediaserver" and (known := _options(words[1])) is not None:
        for word in words[2:]:
            if word.startswith("--") and word.partition("=")[0] not in known:
                yield f"mediaserver {words[1]} {word}: no such option"


def _options(command: str) -> set[str] | None:
    import importlib

    from signaling.cli import COMMANDS

    if command not in COMMANDS:
        return set()
    parser = argparse.ArgumentParser()
    importlib.import_module(COMMANDS[command][0]).add_arguments(parser)
    return set(parser._option_string_actions)


CHECKS: dict[str, Callable[[str], list[str]]] = {
    "json": _json,
    "yaml": _yaml,
    "python": _python,
    "sh": _shell,
    "bash": _shell,
}


def problems(page: Path) -> list[str]:
    """Return everything that is wrong with a page."""
    return [*broken_links(page), *broken_blocks(page)]


def main() -> int:
    """Check every page; returns 1 when something is wrong."""
    sys.path.insert(0, str(ROOT))
    found = [f"{page.relative_to(ROOT)}: {problem}" for page in pages() for problem in problems(page)]
    print("\n".join(found) or f"{len(pages())} pages of documentation are sound")  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
