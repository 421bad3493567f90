"""Starts the servers that are compared, each alone on its core, and says what the comparison was made on."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks import quiet
from benchmarks.generator import Result
from benchmarks.peers.environment import ROOT, Environment, variables

START_S, STOP_S = 40.0, 10.0


@dataclass(frozen=True, slots=True)
class Provider:
    """A realtime provider that was started: its TCP port and its process."""

    port: int
    pid: int


@dataclass(frozen=True, slots=True)
class Contestant:
    """A server: its name in tables, its command, and whose Python runs it.

    ``{port}``, ``{config}`` and ``{provider}`` are filled in. With ``provider`` it relays to that one, and its
    callers take turns. With ``workers``, which only ours knows, nobody is kept to a core.
    ``way`` is how ours speaks to a provider, one of ``WAYS``.
    """

    name: str
    command: tuple[str, ...]
    environment: Environment | None = None
    provider: Provider | None = None
    workers: int = 0
    way: str = "openai"
    bridge: str = "echo"
    """Who answers at ours where there is no provider."""

    @property
    def cores(self) -> tuple[int, int] | None:
        """Its core and the callers', ``None`` where the scheduler is to choose."""
        return None if self.workers else cores()

    def python(self) -> str:
        """Return the Python that runs it, installed now where it is not there yet. Raises subprocess.SubprocessError."""
        return str(self.environment.command("python")) if self.environment else sys.executable


FASTRTC_HOME = Environment("fastrtc-0.0.34", ("fastrtc==0.0.34", "aiortc==1.16.0"))
PIPECAT_HOME = Environment(
    "pipecat-1.14.0",
    (
        "aiofiles>=24,<27", "aiohttp>=3.14.4,<4", "aiortc==1.16.0", "docstring_parser<1", "fastapi<1", "loguru~=0.7.3",
        "loudness<1", "Markdown<4", "numba<1", "numpy<3", "onnxruntime<2", "openai<4", "Pillow<14", "protobuf>=5.29.6,<7",
        "pydantic<3", "python-dotenv<2", "pyyaml<7", "resampy~=0.4.3", "sentencex==1.0.32", "soundfile~=0.13.1",
        "soxr~=1.0.0", "uvicorn<1", "uvloop<1", "wait_for2<1", "websockets>=13.1",
    ),
    bare=("num2words==0.5.14", "pipecat-ai==1.14.0"),
)  # fmt: skip
"""What Pipecat needs, named one by one: num2words' docopt, for its command line alone, has no wheel."""

WAYS: dict[str, tuple[str, str, dict[str, str]]] = {
    "openai": ("openai", "/v1/realtime", {"model": "lean"}),
    "agent": ("deepgram", "/v1/agent/converse", {"audio": "linear16"}),
    "agent-opus": ("deepgram", "/v1/agent/converse", {"audio": "opus"}),
}
"""How our server speaks to a realtime provider: the bridge, the path of the address, and further options."""

OURS = Contestant("ours", ("-m", "mediaserver", "serve", "--config", "{config}"))
RELAY = Contestant("aiortc-relay", ("-m", "benchmarks.peers.aiortc_echo", "--way", "relay", "--port", "{port}"))
FRESH = Contestant("aiortc-fresh", ("-m", "benchmarks.peers.aiortc_echo", "--way", "fresh", "--port", "{port}"))
FASTRTC = Contestant("fastrtc", ("-m", "benchmarks.peers.fastrtc_echo", "--port", "{port}"), FASTRTC_HOME)
PIPECAT = Contestant("pipecat", ("-m", "benchmarks.peers.pipecat_echo", "--port", "{port}"), PIPECAT_HOME)
SILERO = Contestant(
    "pipecat-silero", ("-m", "benchmarks.peers.pipecat_echo", "--vad", "--port", "{port}"), PIPECAT_HOME
)
ALL = (OURS, RELAY, FRESH, FASTRTC, PIPECAT, SILERO)


def add_choice(parser: argparse.ArgumentParser, known: Sequence[Contestant] = ALL) -> None:
    """Let the command choose who is compared and how often a disturbed run is repeated."""
    parser.add_argument(
        "--only", default=",".join(each.name for each in known), help="who is measured, see the default"
    )
    parser.add_argument("--alone", action="store_true", help="without those that are installed for it")
    parser.add_argument("--tries", type=int, default=quiet.TRIES, help="how often a disturbed run is made at most")


def chosen(args: argparse.Namespace, known: Sequence[Contestant] = ALL) -> list[Contestant]:
    """Return who was chosen, installed, ours first; ends the program where a name is wrong or one cannot be installed."""
    names = args.only.split(",")
    if unknown := set(names) - {each.name for each in known}:
        sys.exit(f"nobody is called {', '.join(sorted(unknown))}")
    found = [each for each in known if each.name in names and not (args.alone and each.environment)]
    try:
        for each in found:
            each.python()
    except subprocess.SubprocessError as failure:
        sys.exit(f"{each.name} could not be installed ({failure}); --alone measures without it")
    return found


def cores() -> tuple[int, int] | None:
    """Return one core for the server and one for the callers, ``None`` where there is only one or they cannot be chosen."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    allowed = sorted(os.sched_getaffinity(0))
    return (allowed[0], allowed[-1]) if len(allowed) > 1 else None


@contextlib.contextmanager
def running(
    contestant: Contestant, sections: Mapping[str, Mapping[str, object]] | None = None
) -> Iterator[tuple[str, int]]:
    """Start a server and yield its address and process id when it is ready; stop it in the end.

    ``sections`` are put over those of our own configuration.
    """
    port = free_port(socket.SOCK_STREAM)
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "config.yaml")
        models: dict[str, object] = {contestant.bridge: {"bridge": contestant.bridge}}
        if contestant.provider:
            bridge, path, options = WAYS[contestant.way]
            url = f"ws://127.0.0.1:{contestant.provider.port}{path}"
            models["lean"] = {"bridge": bridge, "provider": {"url": url, "key": "k", **options}}
        chosen: dict[str, dict[str, object]] = {
            "server": {"port": port, "workers": contestant.workers or 1}, "media": {"port": free_port(socket.SOCK_DGRAM)},
            "models": models, "logs": {"level": "warning"},
        }  # fmt: skip
        for name, section in (sections or {}).items():
            chosen[name] = chosen.get(name, {}) | dict(section)
        config.write_text(json.dumps(chosen | {"default_model": contestant.bridge}))
        provider = contestant.provider and contestant.provider.port
        words = [word.format(port=port, config=config, provider=provider) for word in contestant.command]
        theirs = variables(folder) if contestant.environment else None
        process = subprocess.Popen([contestant.python(), *words], cwd=ROOT, stdout=subprocess.DEVNULL, env=theirs)
        try:
            if pair := contestant.cores:
                os.sched_setaffinity(process.pid, {pair[0]})
            until_ready(f"http://127.0.0.1:{port}/readyz", process)
            yield f"http://127.0.0.1:{port}", process.pid
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def providing(module: str) -> Iterator[Provider]:
    """Run a simulated provider, a module that takes its port, beside the callers."""
    port = free_port(socket.SOCK_STREAM)
    process = subprocess.Popen([sys.executable, "-m", module, str(port)], cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        if pair := cores():
            os.sched_setaffinity(process.pid, {pair[1]})
        until_ready(f"http://127.0.0.1:{port}/readyz", process)
        yield Provider(port, process.pid)
    finally:
        process.terminate()
        process.wait()


def measure(contestant: Contestant, calls: int, seconds: float) -> Result:
    """Run so many calls against a fresh server, with the callers in a process of their own."""
    with running(contestant) as (url, pid):
        kind = ("benchmarks.turns", "lean") if contestant.provider else ("benchmarks.generator", "echo")
        command = [sys.executable, "-m", kind[0], url, "--model", kind[1], "--pid", str(pid)]
        command += ["--calls", str(calls), "--seconds", str(seconds)]
        if contestant.provider:
            command += ["--ours", str(contestant.provider.pid)]
        if pair := contestant.cores:
            command += ["--core", str(pair[1])]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds + 120)
    if done.returncode:
        print(f"{contestant.name}, {calls} calls: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return Result(calls, 0, [], 0, 100.0, 100.0, float("inf"), 0.0, 0.0, 0, 0.0, 0.0)
    return Result(**json.loads(done.stdout))


def undisturbed(contestant: Contestant, calls: int, seconds: float, tries: int = quiet.TRIES) -> Result:
    """Measure until the machine was quiet meanwhile, so many times at most; the last one counts."""
    for _ in range(tries):
        result = measure(contestant, calls, seconds)
        if result.foreign_pct <= quiet.MOST_PCT:
            break
        print(f"{contestant.name}, {calls}: others used {result.foreign_pct:.0f} % of a core", file=sys.stderr)
    return result


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [heads, ["---", *["--:"] * (len(heads) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def circumstances(*, kept: bool = True) -> str:
    """Say on what, with what, from which commit and by which command; ``kept``: each was to have a core of its own."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("aiortc", "av", "aiohttp"))
    pinned = (
        "server and callers on different cores"
        if kept and cores()
        else "NOT pinned: server and callers share the cores"
    )
    return "\n".join(
        [
            f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}; {pinned}",
            f"Python {platform.python_version()}, {packages}; commit {_commit()}",
            f"python -m {_module()} {' '.join(sys.argv[1:])}".rstrip(),
        ]
    )


def as_json(results: dict[str, list[Result]]) -> str:
    """Return every run as JSON."""
    return json.dumps({name: [dataclasses.asdict(each) for each in runs] for name, runs in results.items()})


def _module() -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name if spec else Path(sys.argv[0]).name


def _processor() -> str:
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return platform.processor() or platform.machine()


def _commit() -> str:
    words = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def free_port(kind: socket.SocketKind) -> int:
    """Return a port that was free a moment ago."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until_ready(url: str, process: subprocess.Popen) -> None:
    """Wait until a server that was started answers. Raises RuntimeError when it does not."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError("the server was not ready in time")
