"""The shape of the house, kept true: who may import whom, and the habits that can be seen in the source.

The arrows are those of ``docs/architecture.md``.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("mediaserver", "signaling", "bridges")

GROUND = {
    f"mediaserver.{name}"
    for name in (
        "errors",
        "items",
        "settings",
        "events",
        "commands",
        "clock",
        "config",
        "configfile",
        "section",
        "toolconfig",
        "cacheconfig",
        "audioconfig",
        "remember",
        "tasks",
        "breaker",
        "personas",
    )
}
SEAMS = {f"mediaserver.{name}" for name in ("caller", "bridge", "speech", "toolbox")}
AUDIO = {"mediaserver.audio"}

MAY_IMPORT = {
    **dict.fromkeys(GROUND, GROUND),
    "mediaserver.audio": GROUND,
    **dict.fromkeys(SEAMS, GROUND | AUDIO | SEAMS),
    "mediaserver.rtc": GROUND | AUDIO | SEAMS,
    "mediaserver.conversation": GROUND | AUDIO | SEAMS,
    "mediaserver.cache": GROUND | SEAMS,
    "mediaserver.transcripts": GROUND | AUDIO | SEAMS,
    "mediaserver.gateway": GROUND,
    "mediaserver.telemetry": GROUND,
    "mediaserver.cluster": GROUND,
    "mediaserver.__main__": {"signaling"},  # python -m mediaserver is the command line, and only that
    "bridges": GROUND | AUDIO | SEAMS | {"mediaserver.cache"},
    "signaling": {"mediaserver"},
    "signaling.app": {"mediaserver", "signaling", "bridges"},  # the composition root
}
"""Each room and what it may import of ours besides itself; ``mediaserver`` alone is its version."""

UNTESTED = {
    "mediaserver/errors.py": "declarations: the tree of errors",
    "mediaserver/events.py": "declarations: frozen dataclasses",
    "mediaserver/commands.py": "declarations: frozen dataclasses",
    "mediaserver/items.py": "declarations: frozen dataclasses",
    "mediaserver/settings.py": "declarations: frozen dataclasses",
    "mediaserver/caller.py": "declarations: Protocols",
    "mediaserver/bridge.py": "declarations: Protocols",
    "mediaserver/speech.py": "declarations: Protocols",
    "mediaserver/toolbox.py": "declarations: Protocols",
    "mediaserver/cache/tally.py": "declarations: a dataclass",
    "mediaserver/rtc/codecs.py": "declarations: frozen dataclasses",
    "mediaserver/conversation/steps.py": "declarations: frozen dataclasses",
    "mediaserver/conversation/steadiness.py": "declarations: a frozen dataclass",
    "mediaserver/conversation/talk.py": "declarations: a Protocol",
    "mediaserver/conversation/limits.py": "declarations: a frozen dataclass",
    "bridges/codec.py": "declarations: a Protocol and an exception",
    "bridges/row.py": "declarations: a frozen dataclass",
    "bridges/tts/wire.py": "declarations: a Protocol and frozen dataclasses",
    "bridges/local/engine.py": "declarations: a Protocol and an exception",
}
"""Modules without a test file of their own, and why."""

LINES = 500
"""No file is longer."""


def modules() -> list[Path]:
    """Return every module of the product, relative to the root."""
    return sorted(path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


@dataclass(frozen=True, slots=True)
class Facts:
    """What is looked at in a module. The trees themselves are not kept: they are large."""

    imports: tuple[tuple[int, str], ...]
    orphans: tuple[str, ...]
    unbounded: tuple[str, ...]


@cache
def facts(path: Path) -> Facts:
    """Read a module once."""
    nodes = list(ast.walk(ast.parse((ROOT / path).read_text(), str(path))))
    calls = [node for node in nodes if isinstance(node, ast.Call)]

    def named(wrong: Callable[[ast.Call], bool]) -> tuple[str, ...]:
        return tuple(f"{path}:{call.lineno}: {ast.unparse(call)}" for call in calls if wrong(call))

    return Facts(tuple(imports(path, nodes)), named(_orphan), named(_unbounded))


def dotted(path: Path) -> str:
    """Return the module's name: ``mediaserver.rtc.jitter``."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def within(name: str, rooms: set[str]) -> bool:
    """Say whether a module is one of these rooms or lies in one."""
    return any(name == room or name.startswith(room + ".") for room in rooms)


def room_of(name: str) -> str:
    """Return the row of ``MAY_IMPORT`` that is closest to this module."""
    rows = [row for row in MAY_IMPORT if within(name, {row})]
    return max(rows, key=len) if rows else ""


def imports(path: Path, nodes: Iterable[ast.AST]) -> Iterator[tuple[int, str]]:
    """Yield line and name of everything of ours that a module imports, also inside functions."""
    for node in nodes:
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found = [_absolute(path, node)]
            if found[0] in PACKAGES:  # from mediaserver import caller
                found = [f"{found[0]}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from ((node.lineno, name) for name in found if name.split(".")[0] in PACKAGES)


def _absolute(path: Path, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parents = path.with_suffix("").parts[: -node.level]
    return ".".join([*parents, node.module] if node.module else parents)


def allowed(importer: str, imported: str) -> bool:
    """Say whether this arrow may be drawn."""
    room = room_of(importer)
    own = {room} if room not in GROUND | SEAMS else set()
    if imported == "mediaserver.__version__":
        return True
    return within(imported, MAY_IMPORT.get(room, set()) | own)


def _wrong_arrows(path: Path) -> list[str]:
    name, found = dotted(path), facts(path).imports
    if path.name == "__init__.py" and name in PACKAGES and name != "bridges":
        return [f"{path}:{line}: a package imports nothing" for line, _ in found]
    if not room_of(name):
        return [f"{name} is in no room of MAY_IMPORT: draw its arrows"]
    return [f"{path}:{line}: imports {other}" for line, other in found if not allowed(name, other)]


def _all_wrong(look: Callable[[Path], Iterable[str]]) -> str:
    """Return what is wrong with all modules, a line each: one test for all costs a minute less than one for each."""
    return "\n".join(line for path in modules() for line in look(path))


def test_arrows():
    assert not (wrong := _all_wrong(_wrong_arrows)), wrong


@pytest.mark.parametrize(
    ("importer", "imported", "verdict"),
    [
        ("mediaserver.events", "mediaserver.items", True),
        ("mediaserver.events", "mediaserver.caller", False),
        ("mediaserver.audio.playout", "mediaserver.events", True),
        ("mediaserver.audio.playout", "mediaserver.rtc.rtp", False),
        ("mediaserver.gateway.keys", "mediaserver.audio.vad", False),
        ("mediaserver.rtc.peer", "mediaserver.conversation.session", False),
        ("bridges.echo", "signaling.app", False),
        ("bridges.echo", "mediaserver.bridge", True),
        ("signaling.routes", "bridges.echo", False),
        ("signaling.app", "bridges", True),
    ],
)
def test_the_rules_themselves(importer, imported, verdict):
    assert allowed(importer, imported) is verdict


def _untested(path: Path) -> list[str]:
    if path.name in ("__init__.py", "__main__.py") or str(path) in UNTESTED:
        return []
    parts = path.parts[1:] if path.parts[0] == "mediaserver" else path.parts
    test = Path("tests").joinpath(*parts[:-1], f"test_{path.name}")
    return [] if (ROOT / test).exists() else [f"{path}: there is no {test}"]


def test_every_module_has_its_test():
    assert not (wrong := _all_wrong(_untested)), wrong


def test_the_list_of_untested_modules_is_no_longer_than_it_must_be():
    for name in UNTESTED:
        assert (ROOT / name).exists(), f"{name} is gone: take it off the list"


def test_files_stay_small():
    def look(path: Path) -> list[str]:
        lines = len((ROOT / path).read_text().splitlines())
        return [f"{path}: {lines} lines"] if lines > LINES else []

    assert not (wrong := _all_wrong(look)), wrong


def _called(node: ast.Call) -> str:
    return ast.unparse(node.func)


def _orphan(node: ast.Call) -> bool:
    owner, _, name = _called(node).rpartition(".")
    return name == "ensure_future" or (name == "create_task" and (owner == "asyncio" or "loop" in owner))


def _unbounded(node: ast.Call) -> bool:
    name = _called(node).rpartition(".")[2]
    bounds = {
        "deque": ("maxlen", 1),
        "Queue": ("maxsize", 0),
        "LifoQueue": ("maxsize", 0),
        "PriorityQueue": ("maxsize", 0),
    }
    if name == "SimpleQueue":
        return True
    if name not in bounds:
        return False
    keyword, position = bounds[name]
    given = [each.value for each in node.keywords if each.arg == keyword] + node.args[position : position + 1]
    return not given or (isinstance(given[0], ast.Constant) and not given[0].value)


def test_every_task_has_an_owner():
    assert not (wrong := _all_wrong(lambda path: facts(path).orphans)), f"start it in a TaskGroup:\n{wrong}"


def test_every_queue_has_a_bound():
    wrong = _all_wrong(lambda path: facts(path).unbounded)
    assert not wrong, f"give it a maxsize or maxlen, and say what happens when it is full:\n{wrong}"


@pytest.mark.parametrize(
    ("source", "orphan", "unbounded"),
    [
        ("asyncio.create_task(f())", True, False),
        ("asyncio.get_running_loop().create_task(f())", True, False),
        ("group.create_task(f())", False, False),
        ("asyncio.ensure_future(f())", True, False),
        ("deque()", False, True),
        ("deque([], 5)", False, False),
        ("collections.deque(maxlen=5)", False, False),
        ("deque(maxlen=None)", False, True),
        ("asyncio.Queue()", False, True),
        ("asyncio.Queue(0)", False, True),
        ("asyncio.Queue(maxsize=LIMIT)", False, False),
    ],
)
def test_the_habits_themselves(source, orphan, unbounded):
    call = ast.parse(source, mode="eval").body
    assert (_orphan(call), _unbounded(call)) == (orphan, unbounded)


HEAVY = {"aiohttp", "aiortc", "av", "cryptography", "numpy", "soxr", "webrtcvad", "websockets"}


@pytest.mark.parametrize("name", ["mediaserver", "mediaserver.events", "mediaserver.caller", "mediaserver.bridge"])
def test_contracts_are_light_to_import(name):
    program = f"import sys, {name}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, cwd=ROOT, text=True
    ).stdout
    assert not HEAVY & set(loaded.split())
