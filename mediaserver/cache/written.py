"""A writer-down that remembers: a file it has heard before needs no engine.

Off unless configured: transcripts are what people said.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace

import msgspec

from mediaserver.cache.control import MISS, SHARED, USUAL, Control, Outcome, answer_headers
from mediaserver.cache.entry import Entry
from mediaserver.cache.flight import Flights, close
from mediaserver.cache.key import written_key
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


class WrittenCache:
    """Puts a memory before engines that write down files. ``stored``: also in the far tiers."""

    def __init__(
        self, tiers: Tiers, flights: Flights[Written], *, max_age_s: float, enabled: bool = False, stored: bool = False
    ) -> None:
        self.tiers = tiers
        self.flights = flights
        self.max_age_s = max_age_s
        self.enabled = enabled
        self.stored = stored

    def of(self, tenant: str, engine: FileToText, identity: str, control: Control = USUAL) -> WrittenFiles:
        """Return the engine with a memory that is this tenant's alone; cheap, for one request.

        ``identity`` tells the engine, its model and its options from all others. Without a memory it does as the engine.
        """
        return WrittenFiles(self, tenant, engine, identity, control)


class WrittenFiles:
    """Satisfies :class:`mediaserver.speech.FileToText`.

    ``outcome`` says where the last transcript came from, from its first piece on. One that the engine was not asked for has
    no ``usage``: nothing was used.
    """

    def __init__(
        self, cache: WrittenCache, tenant: str, engine: FileToText, identity: str, control: Control = USUAL
    ) -> None:
        self.outcome = MISS
        self._cache = cache
        self._tenant, self._identity = tenant, identity
        self._engine = engine
        self._control = control

    @property
    def file_limits(self) -> FileLimits:
        """The engine's."""
        return self._engine.file_limits

    @property
    def file_features(self) -> frozenset[FileFeature]:
        """The engine's."""
        return self._engine.file_features

    @property
    def headers(self) -> dict[str, str]:
        """What an answer says of where it came from, once its first piece is there; nothing where nothing is kept."""
        return answer_headers(self.outcome, self._control, self._cache.max_age_s) if self._cache.enabled else {}

    async def transcribe(self, sound: SoundFile, ask: FileAsk) -> AsyncGenerator[Written, None]:
        """Yield what is kept, or what is being made for another, or what the engine makes. Raises BridgeError.

        A kept transcript of an engine that streams comes as one piece of text and the whole.
        """
        self.outcome = MISS
        key = await asyncio.to_thread(self._key, sound, ask) if self._cache.enabled else None
        if key is None:
            stream = self._engine.transcribe(sound, ask)
        elif kept := self._kept(None if self._control.no_cache else self._near(key)):
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

    def _near(self, key: str) -> Entry | None:
        return self._cache.tiers.near(key, self._control.max_age)

    def _kept(self, entry: Entry | None) -> list[Written]:
        if entry is None:
            return []
        try:
            whole = msgspec.json.decode(entry.body, type=FileTranscript)
        except msgspec.DecodeError:
            return []
        self.outcome = Outcome("hit", max(0.0, self._cache.tiers.wall() - entry.made))
        return [whole.text, whole] if "stream" in self.file_features else [whole]

    def _shared(self, key: str, making: AsyncGenerator[Written, None]) -> AsyncIterator[Written]:
        if self._control.alone:
            return making
        return self._cache.flights.ride(key, lambda: making, self._join)

    def _join(self) -> None:
        self.outcome = SHARED
        self._cache.tiers.tally.shared += 1

    def _unpaid(self, piece: Written) -> Written:
        if isinstance(piece, str) or self.outcome.how != "shared":
            return piece
        return replace(piece, usage=None)

    async def _make(self, key: str, sound: SoundFile, ask: FileAsk) -> AsyncGenerator[Written, None]:
        tiers, control = self._cache.tiers, self._control
        look = self._cache.stored and not control.no_cache
        if kept := self._kept(await tiers.far(key, max_age=control.max_age) if look else None):
            for piece in kept:
                yield piece
            return
        tiers.tally.misses += 1
        self.outcome = MISS
        stream = self._engine.transcribe(sound, ask)
        try:
            async for piece in stream:
                if isinstance(piece, FileTranscript) and not control.no_store:
                    self._keep(key, piece)  # it is the last, after which nobody need listen any more
                yield piece
        finally:
            await close(stream)

    def _keep(self, key: str, whole: FileTranscript) -> None:
        body = msgspec.json.encode(replace(whole, usage=None))
        if len(body) <= MAX_BYTES:
            now = self._cache.tiers.wall()
            self._cache.tiers.keep(key, Entry(now, now + self._cache.max_age_s, b"", body), far=self._cache.stored)
