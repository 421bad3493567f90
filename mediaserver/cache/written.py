"""A writer-down that remembers: a file it has heard before needs no engine.

Off unless configured: transcripts are what people said.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

import msgspec

from mediaserver.cache.control import MISS, USUAL, Control
from mediaserver.cache.entry import Entry
from mediaserver.cache.flight import Flights, close
from mediaserver.cache.key import written_key
from mediaserver.cache.remembering import Cache, Remembering
from mediaserver.cache.tiers import Tiers
from mediaserver.speech import FileAsk, FileFeature, FileLimits, FileToText, FileTranscript, SoundFile

MAX_BYTES = 1024 * 1024
"""A longer transcript, as JSON, is not kept."""

Written = str | FileTranscript


def size_of(piece: Written) -> int:
    """Return about how many bytes a piece is."""
    if isinstance(piece, str):
        return len(piece)
    return len(piece.text) + 100 * (len(piece.words) + len(piece.segments))


class WrittenCache(Cache[Written]):
    """Puts a memory before engines that write down files. ``stored``: also in the far tiers."""

    def __init__(
        self, tiers: Tiers, flights: Flights[Written], *, max_age_s: float, enabled: bool = False, stored: bool = False
    ) -> None:
        super().__init__(tiers, flights, max_age_s=max_age_s, enabled=enabled)
        self.stored = stored

    def of(self, tenant: str, engine: FileToText, identity: str, control: Control = USUAL) -> WrittenFiles:
        """Return the engine with a memory that is this tenant's alone; cheap, for one request.

        ``identity`` tells the engine, its model and its options from all others. Without a memory it does as the engine.
        """
        return WrittenFiles(self, tenant, engine, identity, control)


class WrittenFiles(Remembering[Written]):
    """Satisfies :class:`mediaserver.speech.FileToText`.

    A transcript that the engine was not asked for has no ``usage``: nothing was used.
    """

    def __init__(
        self, cache: WrittenCache, tenant: str, engine: FileToText, identity: str, control: Control = USUAL
    ) -> None:
        super().__init__(cache, control)
        self._stored = cache.stored
        self._tenant, self._identity = tenant, identity
        self._engine = engine

    @property
    def file_limits(self) -> FileLimits:
        """The engine's."""
        return self._engine.file_limits

    @property
    def file_features(self) -> frozenset[FileFeature]:
        """The engine's."""
        return self._engine.file_features

    async def transcribe(self, sound: SoundFile, ask: FileAsk) -> AsyncGenerator[Written, None]:
        """Yield what is kept, or what is being made for another, or what the engine makes. Raises BridgeError.

        A kept transcript of an engine that streams comes as one piece of text and the whole.
        """
        self.outcome = MISS
        key = await asyncio.to_thread(self._key, sound, ask) if self._cache.enabled else None
        if key is None:
            stream = self._engine.transcribe(sound, ask)
        elif kept := self._kept(self._near(key)):
            for piece in kept:
                yield piece
            return
        else:
            stream = self._shared(key, self._make(key, sound, ask))
        try:
            async for piece in stream:
                yield self._unpaid(piece)
        finally:
            await close(stream)

    def _key(self, sound: SoundFile, ask: FileAsk) -> str | None:
        return written_key(self._tenant, self._identity, sound, ask)

    def _kept(self, entry: Entry | None) -> list[Written]:
        if entry is None:
            return []
        try:
            whole = msgspec.json.decode(entry.body, type=FileTranscript)
        except msgspec.DecodeError:
            return []
        self._hit(entry)
        return [whole.text, whole] if "stream" in self.file_features else [whole]

    def _unpaid(self, piece: Written) -> Written:
        if isinstance(piece, str) or self.outcome.how != "shared":
            return piece
        return replace(piece, usage=None)

    async def _make(self, key: str, sound: SoundFile, ask: FileAsk) -> AsyncGenerator[Written, None]:
        if kept := self._kept(await self._far(key) if self._stored else None):
            for piece in kept:
                yield piece
            return
        self._missed()
        stream = self._engine.transcribe(sound, ask)
        try:
            async for piece in stream:
                if isinstance(piece, FileTranscript) and not self._control.no_store:
                    self._keep(key, piece)  # it is the last, after which nobody need listen any more
                yield piece
        finally:
            await close(stream)

    def _keep(self, key: str, whole: FileTranscript) -> None:
        body = msgspec.json.encode(replace(whole, usage=None))
        if len(body) <= MAX_BYTES:
            now = self._cache.tiers.wall()
            self._cache.tiers.keep(key, Entry(now, now + self._cache.max_age_s, b"", body), far=self._stored)
