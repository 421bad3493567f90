"""What is done of a batch: a file of JSON lines that only grows, on the disk before anyone is told.

A line that a crash tore is no line: it is cut off before the next is written.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct


class Line(Struct, frozen=True, omit_defaults=True):
    """One thing that happened: an item is done, or (without ``index``) the whole batch was cancelled."""

    status: Literal["completed", "failed", "cancelled"]
    index: int | None = None
    content_type: str = ""
    error: dict[str, Any] | None = None


_decoder = msgspec.json.Decoder(Line)


class Journal:
    """One batch's. Every method blocks on the disk: call them in a thread, one at a time. Raises OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> list[Line]:
        """Return all whole lines, and cut off what comes after the last of them."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return []
        lines, end = [], 0
        for raw in data.splitlines(keepends=True):
            line = _line(raw)
            if line is None:
                break
            lines.append(line)
            end += len(raw)
        if end < len(data):
            os.truncate(self._path, end)
        return lines

    def write(self, line: Line) -> None:
        """Append a line; it is on the disk when this returns."""
        with self._path.open("ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")
            sync(file.fileno())


def _line(raw: bytes) -> Line | None:
    if not raw.endswith(b"\n"):
        return None
    try:
        return _decoder.decode(raw)
    except msgspec.DecodeError:
        return None


def save(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a file so that it is there whole or not at all."""
    beside = path.with_name(f"{path.name}.part")
    with beside.open("wb") as file:
        for chunk in chunks:
            file.write(chunk)
        sync(file.fileno())
    settle(beside, path)


def settle(beside: Path, path: Path) -> None:
    """Give a file or folder that is complete its name, for good."""
    beside.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        sync(folder)
    finally:
        os.close(folder)


def sync(descriptor: int) -> None:
    """Wait until the disk has it."""
    os.fsync(descriptor)
