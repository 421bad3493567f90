"""Reads the configuration from YAML: plain values only, references to secrets, limits, and errors that name the key.

A key that we do not know, a value of the wrong type or a secret that is missing is a ConfigError with the key's path and
never the value: values may be secrets.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from mediaserver.config import Config, check
from mediaserver.errors import ConfigError
from mediaserver.section import Secret

MAX_BYTES = 256 * 1024
MAX_ALIASES = 50
MAX_DEPTH = 20
MAX_NODES = 20_000
MAX_SECRET_BYTES = 64 * 1024


def load(path: str | os.PathLike[str] | None = None, environ: Mapping[str, str] = os.environ) -> Config:
    """Return the configuration in a YAML file, or the defaults without one. Raises ConfigError.

    ``${NAME}`` as a whole value is taken from ``environ``, ``${file:/path}`` from the first line of a file.
    """
    return parse(read(path), environ)


def parse(text: bytes | None, environ: Mapping[str, str] = os.environ) -> Config:
    """Return the configuration that is written in YAML, the defaults for ``None``. Raises ConfigError."""
    tree = {} if text is None else _resolve(_parse(text), environ)
    try:
        config = msgspec.convert(tree, Config, dec_hook=_decode)
    except msgspec.ValidationError as problem:
        raise _said(str(problem), tree) from None
    check(config)
    return config


def read(path: str | os.PathLike[str] | None) -> bytes | None:
    """Return what is in the file, ``None`` without one. Raises ConfigError when it cannot be read or is too long."""
    if path is None:
        return None
    try:
        with Path(path).open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except OSError as problem:
        raise ConfigError("", f"{path} cannot be read: {problem.strerror}") from None
    if len(text) > MAX_BYTES:
        raise ConfigError("", f"{path} is larger than {MAX_BYTES} bytes")
    return text


class _Loader(yaml.SafeLoader):
    """Plain values only, and a key only once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping; a key that is there twice would hide one of its values."""
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ConfigError(sorted(twice)[0][:100], f"is there twice, see line {node.start_mark.line + 1}")
        return super().construct_mapping(node, deep)


def _parse(text: bytes) -> Any:
    try:
        _limit(text)
        tree = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        raise ConfigError("", f"the configuration is not valid YAML{line}") from None
    except (ValueError, RecursionError):
        raise ConfigError("", "the configuration is not valid YAML") from None
    return {} if tree is None else tree


def _limit(text: bytes) -> None:
    """Refuse what would explode when it is built, before it is built."""
    aliases = depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        aliases += isinstance(event, yaml.AliasEvent)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if aliases > MAX_ALIASES:
            raise ConfigError("", f"the configuration has more than {MAX_ALIASES} aliases")
        if depth > MAX_DEPTH:
            raise ConfigError("", f"the configuration is nested deeper than {MAX_DEPTH}")


_REFERENCE = re.compile(r"\$\{(?:file:(?P<file>[^}]+)|(?P<name>[A-Za-z_][A-Za-z0-9_]*))\}")


def _resolve(tree: Any, environ: Mapping[str, str]) -> Any:
    """Return the tree with every reference replaced; counts what aliases expand to."""
    left = MAX_NODES

    def walk(value: Any, path: str) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise ConfigError("", f"the configuration has more than {MAX_NODES} values")
        if isinstance(value, dict):
            return {key: walk(child, f"{path}.{key}" if path else str(key)) for key, child in value.items()}
        if isinstance(value, list):
            return [walk(child, f"{path}[{index}]") for index, child in enumerate(value)]
        if isinstance(value, str) and value.startswith("${"):
            return _look_up(value, environ, path)
        return value

    return walk(tree, "")


def _look_up(value: str, environ: Mapping[str, str], path: str) -> str:
    said = _REFERENCE.fullmatch(value)
    if said is None:
        raise ConfigError(path, "is no reference: write ${NAME} or ${file:/path}")
    if said["file"]:
        return _secret_file(Path(said["file"]), path)
    found = environ.get(said["name"])
    if not found:
        raise ConfigError(path, f"the environment has no {said['name']}")
    return found


def _secret_file(file: Path, path: str) -> str:
    try:
        with file.open(encoding="utf-8") as opened:
            found = opened.readline(MAX_SECRET_BYTES).strip()
    except (OSError, UnicodeError):
        raise ConfigError(path, f"the file {file} cannot be read") from None
    if not found:
        raise ConfigError(path, f"the file {file} is empty")
    return found


def _decode(kind: type, value: Any) -> Any:
    if kind is Secret and isinstance(value, str) and value:
        return Secret(value)
    raise TypeError(f"Expected `str`, got `{type(value).__name__}`")  # msgspec adds the path


_SAID = re.compile(r"(?s)^(?P<what>.*?)(?: - at `(?:key in )?\$\.?(?P<where>.*)`)?$")
_VALUE = re.compile(r"^Invalid (enum )?value .*")


def _said(problem: str, tree: Any) -> ConfigError:
    """Turn msgspec's sentence into ours: the path of the key, what was expected, never the value."""
    said = _SAID.match(problem)
    what, where = (said["what"], said["where"] or "") if said else ("is not understood", "")
    what = _VALUE.sub("is none of the values that are allowed", what)
    unknown = re.match(r"Object contains unknown field `(.*)`", what, re.DOTALL)
    missing = re.match(r"Object missing required field `(.*)`", what)
    named = unknown or missing
    where = _name_models(where, tree)
    if named:
        key = ".".join(part for part in (where, named[1][:100]) if part)
        return ConfigError(key, "is a key that we do not know" if unknown else "is missing")
    return ConfigError(where, what[:200])


def _name_models(where: str, tree: Any) -> str:
    """Say which model or server: msgspec writes ``models[...]`` for any key of a mapping."""
    key, within, rest = where.partition("[...]")
    if not within or key not in ("models", "mcp_servers", "personas"):
        return where
    for name, section in tree[key].items():
        try:
            msgspec.convert({key: {name: section}}, Config, dec_hook=_decode)
        except msgspec.ValidationError:
            return ".".join(part for part in (key, str(name)[:100], rest.lstrip(".")) if part)
    return where
