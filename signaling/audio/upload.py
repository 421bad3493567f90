"""Reads a multipart request: files go to disk while they come, fields are kept; everything has a bound and a deadline.

A file's name is never a path here: files are numbered in a folder that the caller gives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from mediaserver.errors import BadRequest, RequestError, TooLarge, TooSlow, UnsupportedMedia
from signaling.audio.form import Fields
from signaling.body import check_length, take, text_of

T = TypeVar("T")

MULTIPART = "multipart/form-data"
MAX_FIELDS = 256
MAX_NAME = 100
MAX_FIELD = 64 * 1024
IDLE_S = 20.0
"""Seconds in which some more of the body must come."""
CHUNK = 256 * 1024
OVERHEAD = 1 << 20
"""Bytes of fields and headers beside the files."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may come: files, bytes of each and of all, seconds for all; ``refused`` fields, and why."""

    bytes_each: int
    seconds: float
    files: int = 1
    bytes_all: int | None = None
    file_fields: frozenset[str] = frozenset({"file"})
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Bytes of all files."""
        return self.bytes_each * self.files if self.bytes_all is None else self.bytes_all


@dataclass(frozen=True, slots=True)
class Received:
    """A file that has come; ``name`` is what the client calls it, for people only."""

    path: Path
    size: int
    name: str


@dataclass(frozen=True, slots=True)
class Form:
    """All of a request."""

    fields: Fields
    files: tuple[Received, ...]


async def read_form(request: web.Request, folder: Path, bounds: Bounds) -> Form:
    """Return what came; its files are in ``folder``.

    Raises UnsupportedMedia, TooLarge, BadRequest that names the field, TooSlow.
    """
    if request.content_type != MULTIPART:
        raise UnsupportedMedia(f"send the body as {MULTIPART}, with the sound in the field 'file'")
    check_length(request, bounds.total + OVERHEAD)
    try:
        async with asyncio.timeout(bounds.seconds):
            return await _Reader(request, folder, bounds).read()
    except RequestError:
        raise
    except TimeoutError:
        raise TooSlow("the body did not come in time: send it faster, or compressed") from None
    except (ValueError, AssertionError, RuntimeError, LookupError, HttpProcessingError):
        raise BadRequest("the multipart body is malformed or ends too early") from None


class _Reader:
    """One request on its way."""

    def __init__(self, request: web.Request, folder: Path, bounds: Bounds) -> None:
        self._request, self._folder, self._bounds = request, folder, bounds
        self._pairs: list[tuple[str, str]] = []
        self._files: list[Received] = []
        self._left = bounds.total
        self._room = OVERHEAD

    async def read(self) -> Form:
        reader = await self._request.multipart()
        for _ in range(MAX_FIELDS + self._bounds.files):
            part = await _soon(reader.next)
            if part is None:
                return Form(Fields(self._pairs), tuple(self._files))
            if not isinstance(part, BodyPartReader):
                raise BadRequest("a part of the body is itself multipart")
            await self._take(part)
        raise BadRequest(f"the body has more than {MAX_FIELDS} fields, or more than {self._bounds.files} files")

    async def _take(self, part: BodyPartReader) -> None:
        name = part.name or ""
        base = name.partition("[")[0]
        if not base or len(name) > MAX_NAME:
            raise BadRequest("a part of the body has no name, or one that is too long")
        if reason := self._bounds.refused.get(base):
            raise BadRequest(reason, code="unsupported_parameter", param=base)
        if base in self._bounds.file_fields:
            await self._take_file(part, base)
        else:
            await self._take_field(part, name, base)

    async def _take_field(self, part: BodyPartReader, name: str, base: str) -> None:
        try:
            value = await take(lambda: _soon(part.read_chunk), min(MAX_FIELD, self._room))
        except TooLarge:
            raise BadRequest(f"'{base}' is longer than {MAX_FIELD} bytes", code="string_too_long", param=base) from None
        self._room -= len(value)
        self._pairs.append((name, text_of(value, base)))

    async def _take_file(self, part: BodyPartReader, base: str) -> None:
        if len(self._files) == self._bounds.files:
            raise BadRequest(f"send no more than {self._bounds.files} in '{base}'", code="too_many_files", param=base)
        path = self._folder / f"{len(self._files):06d}"
        size, most = 0, min(self._bounds.bytes_each, self._left)
        with path.open("wb") as file:
            while chunk := await _soon(lambda: part.read_chunk(CHUNK)):
                size += len(chunk)
                if size > most:
                    raise TooLarge(f"'{base}' is larger than {most} bytes: send it compressed, or in parts")
                await asyncio.to_thread(file.write, chunk)
        if part.headers.get("Content-Length", str(size)) != str(size):
            raise BadRequest(f"'{base}' ends too early", param=base)
        self._left -= size
        self._files.append(Received(path, size, (part.filename or "")[:MAX_NAME]))


async def _soon(read: Callable[[], Awaitable[T]]) -> T:
    async with asyncio.timeout(IDLE_S):
        return await read()
