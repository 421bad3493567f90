"""The engines of the chain and of the audio API, opened by name, with their fallbacks behind them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module
from typing import Any, TypeVar

import msgspec

from bridges.llm import LLM
from bridges.options import Fallbacks
from bridges.row import Made, Row
from bridges.stt import STT
from bridges.tts import TTS
from mediaserver.errors import ConfigError

ENGINES: dict[str, Mapping[str, Row[Any]]] = {"stt": STT, "llm": LLM, "tts": TTS}
_BACKUPS = {"stt": ("ears", "BackupEars"), "llm": ("mind", "BackupMind"), "tts": ("voice", "BackupVoice")}

Struct = TypeVar("Struct", bound=msgspec.Struct)
_Read = tuple[Row[Any], msgspec.Struct, str]


class Shelf:
    """Engines by what they are told: asked for twice, opened once, and closed when the shelf is.

    Workers, connections and warm sockets are then shared by all models and by the audio API.
    """

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._taken: dict[tuple[int, bytes], Any] = {}

    async def __aenter__(self) -> Shelf:
        """Nothing is opened before it is asked for."""
        return self

    async def __aexit__(self, *error: Any) -> None:
        """Close all of them, the last one first."""
        self._taken.clear()
        await self._stack.aclose()

    async def take(self, kind: str, settings: Mapping[str, Any], path: str = "") -> Any:
        """Return an engine of ``ENGINES[kind]``, or several as one where it has fallbacks.

        ``settings`` are ``engine``, its options, and those of :class:`bridges.options.Fallbacks`. Raises ConfigError under
        ``path`` for an unknown engine, key or type and for what cannot be opened so, and never repeats a value.
        """
        line = [await self._one(*read) for read in read_line(kind, settings, path)]
        return line[0] if len(line) == 1 else _backed(kind, line, _fallbacks(settings, path)[0])

    def has(self, kind: str, settings: Mapping[str, Any]) -> bool:
        """Say whether all of it is open already."""
        return all(_key(row, chosen) in self._taken for row, chosen, _ in read_line(kind, settings, ""))

    async def _one(self, row: Row[Any], chosen: msgspec.Struct, path: str) -> Any:
        key = _key(row, chosen)
        if key not in self._taken:
            self._taken[key] = await self._stack.enter_async_context(open_row(row, chosen, path))
        return self._taken[key]


def _key(row: Row[Any], chosen: msgspec.Struct) -> tuple[int, bytes]:
    return id(row), msgspec.json.encode(chosen, order="deterministic")


def _backed(kind: str, engines: list[Any], behind: Fallbacks) -> Any:
    from bridges.backup.line import Line, Patience

    module, name = _BACKUPS[kind]
    backup = getattr(import_module(f"bridges.backup.{module}"), name)
    return backup(Line(engines), Patience(behind.begin_s, behind.stall_s))


def read_line(kind: str, settings: Mapping[str, Any], path: str) -> list[_Read]:
    """Return the engine and its fallbacks, and where each is configured. Raises ConfigError."""
    behind, told = _fallbacks(settings, path)
    others = [(other, f"{join(path, 'fallbacks')}[{index}]") for index, other in enumerate(behind.fallbacks)]
    return [(*_engine(ENGINES[kind], one, where), where) for one, where in [(told, path), *others]]


def _engine(table: Mapping[str, Row[Made]], settings: Mapping[str, Any], path: str) -> tuple[Row[Made], msgspec.Struct]:
    told = dict(settings)
    return read_row(table, told.pop("engine", "local"), told, path)


@asynccontextmanager
async def open_row(row: Row[Made], chosen: msgspec.Struct, path: str) -> AsyncIterator[Made]:
    """Open what a row is about. Raises ConfigError under ``path`` for what cannot be opened as it was told."""
    async with AsyncExitStack() as stack:
        try:
            made = await stack.enter_async_context(row.open(chosen))
        except ConfigError as problem:
            raise ConfigError(join(path, problem.path), problem.problem) from None
        yield made


def _fallbacks(settings: Mapping[str, Any], path: str) -> tuple[Fallbacks, dict[str, Any]]:
    """Return what an engine is told of its fallbacks, and the rest. Raises ConfigError."""
    told, rest = dict[str, Any](), dict[str, Any]()
    for name, value in settings.items():
        (told if name in Fallbacks.__struct_fields__ else rest)[name] = value
    return _converted(Fallbacks, told, path), rest


def read_row(
    table: Mapping[str, Row[Made]], name: str, settings: Mapping[str, Any], path: str
) -> tuple[Row[Made], msgspec.Struct]:
    """Return a row of a table with its options. Raises ConfigError under ``path``."""
    row = table.get(name)
    if row is None:
        raise ConfigError(path, f"no such provider or engine; there are {', '.join(table)}")
    return row, _converted(row.options, settings, path)


def _converted(kind: type[Struct], settings: Mapping[str, Any], path: str) -> Struct:
    try:
        return msgspec.convert(settings, kind)
    except msgspec.ValidationError as problem:
        what, _, where = str(problem).partition(" - at `$.")
        raise ConfigError(join(path, where.rstrip("`")), what) from None


def join(path: str, key: str) -> str:
    """Return the path of a key of the configuration."""
    return ".".join(part for part in (path, key) if part)
