"""What simulators of speech recognisers share: they hear the words of ``toned`` speech, as slowly as asked."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from itertools import groupby
from typing import Any

import numpy as np
from aiohttp import web
from pydantic import BaseModel

from tests.bridges.sdk import check
from tests.servers import toned
from tests.servers.provider import Connection, Simulator

RATE = 16000


@dataclass(frozen=True, slots=True)
class Word:
    """A word that was heard: ``s3w0`` is the first one of sentence three; times in seconds."""

    text: str
    start: float
    end: float


class Hearing:
    """Toned speech as it comes, looked at once."""

    _HOP = RATE // 100 * 2

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self._rest = bytearray()
        self._seen: list[tuple[int, int] | None] = []
        self.size = 0

    def feed(self, pcm: bytes) -> None:
        """Take sound."""
        self._rest += pcm
        self.size += len(pcm)

    @property
    def words(self) -> list[Word]:
        """The words so far."""
        sound = np.frombuffer(bytes(self._rest), "<i2").astype(np.float32) / 32768
        new = list(toned._windows(sound, RATE))
        del self._rest[: len(new) * self._HOP]
        self._seen += new
        found, at = [], 0
        for heard, run in groupby(self._seen):
            length = len(list(run))
            if heard is not None and length >= 5:
                found.append(Word("s{}w{}".format(*heard), at / 100, (at + length + 3) / 100))
            at += length
        return found

    @property
    def text(self) -> str:
        """What was said so far."""
        return " ".join(word.text for word in self.words)


def words(pcm: bytes) -> list[Word]:
    """Return the words in a piece of toned speech."""
    hearing = Hearing()
    hearing.feed(pcm)
    return hearing.words


def samples(data: bytes) -> bytes:
    """Return the samples of a WAV file."""
    with wave.open(io.BytesIO(data)) as file:
        assert file.getframerate() == RATE
        return file.readframes(file.getnframes())


def parameters(call: Callable[..., Any]) -> frozenset[str]:
    """Return what a call of an SDK can be told."""
    return frozenset(signature(call).parameters) - {"self", "request_options", "authorization"}


class Listener(Connection):
    """One socket. What it says goes through a task of its own, so that a slow recogniser still reads and answers pings."""

    rate = RATE

    async def begin(self) -> None:
        self.segment = Hearing()
        self.texts: list[str] = []
        self.outbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue(10_000)
        self.helpers = [self.start(self._says())]

    @property
    def heard_s(self) -> float:
        """Seconds of sound so far."""
        return self.received_bytes / 2 / self.rate

    async def listen(self, pcm: bytes) -> None:
        """Take sound; subclasses say what follows from it in :meth:`heard`."""
        for start in range(0, len(pcm), 640):
            piece = pcm[start : start + 640]
            edges = self.hear(piece)
            self.segment.feed(piece)
            self.heard([edge.kind for edge in edges])
        await self._fail_at(round(self.heard_s * 1000))

    def heard(self, edges: list[str]) -> None:
        """Sound of 20 ms was heard."""

    def every(self, seconds: float) -> bool:
        """Say whether so much sound has come again."""
        return round(self.heard_s * 1000) % round(seconds * 1000) < 20

    def tell(self, kind: type[BaseModel], message: dict[str, Any]) -> None:
        """Say something that the SDK knows."""
        self.outbox.put_nowait(check(kind, message))

    async def _says(self) -> None:
        first = True
        while True:
            message = await self.outbox.get()
            if first and self.slow(message):
                first = False
                await asyncio.sleep(self.faults.first_audio_s)
                junk = self.faults.garbage
                if self.sim.junk_once:
                    self.sim.faults.garbage = ()
                for name in junk:
                    await self._throw(self.garbage(name), text=name == "bad_utf8")
            await self.send(message)

    def slow(self, message: dict[str, Any]) -> bool:
        """Say whether this is of speech, not of the connection."""
        return True

    async def _read(self) -> None:
        try:
            await super()._read()
        finally:
            for task in self.helpers:
                task.cancel()

    async def ended(self) -> None:
        self.sim.truth.bill("listen", f"{self.sim.path}{self.number}", seconds=self.heard_s)


class Files(Simulator):
    """A recogniser of files besides: ``asked`` is what each came with, ``left`` that somebody went away.

    ``junk_once``: the next socket that has something to say brings the garbage, no other.
    """

    junk_once = False

    def __init__(self, **rest: Any) -> None:
        super().__init__(**rest)
        self.asked: list[dict[str, Any]] = []
        self.left = asyncio.Event()
        self.broken_file: bytes | None = None

    async def door(self, request: web.Request) -> web.StreamResponse:
        if not self.faults.hang:
            return await super().door(request)
        self.attempts += 1
        return await self._hang(request)

    async def _hang(self, request: web.Request) -> web.StreamResponse:
        while request.transport is not None:
            await asyncio.sleep(0.02)
        self.left.set()
        return web.Response()

    async def file(self, request: web.Request) -> web.StreamResponse:
        """Take one file, with the faults that a request can have."""
        self.attempts += 1
        if self.faults.hang:
            return await self._hang(request)
        refusal = self._refusal() or self.admit(request)
        if refusal is not None:
            self.refused += 1
            return refusal
        if self.faults.close_after_ms is not None and not (self.faults.only_first and self.attempts > 1):
            await request.read()
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        try:
            answer = await self.written(request)
        except Exception as failure:
            self.failures.append(failure)
            raise
        return web.Response(body=self.broken_file or answer, content_type="application/json")

    async def written(self, request: web.Request) -> bytes:
        """Return the answer."""
        raise NotImplementedError
