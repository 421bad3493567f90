"""A voice that remembers: a text it has spoken before is there at once, in the same sound and with the same words."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator

import msgspec

from mediaserver.cache.control import MISS, USUAL, Control
from mediaserver.cache.entry import Entry
from mediaserver.cache.flight import Flights, close
from mediaserver.cache.key import spoken_key
from mediaserver.cache.remembering import Cache, Remembering
from mediaserver.cache.tiers import Tiers
from mediaserver.events import WordTime
from mediaserver.speech import PLAIN, Manner, Sound, TextToSpeech

MAX_BYTES = 8 * 1024 * 1024
"""Longer speech is not kept: 2.9 minutes at 24 kHz."""
PIECE_MS = 200
"""What is kept comes in pieces as a player takes them."""
_PASSED = ("warm", "list_voices", "clone_voice", "delete_voice")
"""What an engine may be able to do besides (Warm, VoiceList, VoiceCloning)."""


class _Facts(msgspec.Struct, frozen=True):
    """About the sound: its rate, and each word with the byte at which it was told."""

    rate: int
    words: list[tuple[int, str, int, int]] = []


class _Take:
    """What is being spoken, until it is complete, or cannot be kept: too long, or partly by another engine."""

    def __init__(self) -> None:
        self._pcm = bytearray()
        self._words: list[tuple[int, str, int, int]] = []
        self._lost = False

    def add(self, sound: Sound) -> None:
        if self._lost or sound.stand_in or len(self._pcm) + len(sound.pcm) > MAX_BYTES:
            self._lost = True
            self._pcm.clear()
            return
        self._words += [(len(self._pcm), word.text, word.start_ms, word.end_ms) for word in sound.words]
        self._pcm += sound.pcm

    def entry(self, rate: int, made: float, until: float) -> Entry | None:
        if not self._pcm:
            return None
        return Entry(made, until, msgspec.json.encode(_Facts(rate, self._words)), bytes(self._pcm))


def sounds(entry: Entry, rate: int) -> list[Sound]:
    """Return what is kept, in pieces of :data:`PIECE_MS`; empty when it is of another rate, or no sound."""
    try:
        facts = msgspec.json.decode(entry.facts, type=_Facts)
    except msgspec.DecodeError:
        return []
    return [*_pieces(entry.body, facts)] if facts.rate == rate else []


def _pieces(pcm: bytes, facts: _Facts) -> Iterator[Sound]:
    size = 2 * facts.rate * PIECE_MS // 1000
    words, last = iter(facts.words), (len(pcm) - 1) // size * size
    word = next(words, None)
    for start in range(0, len(pcm), size):
        here = []
        while word is not None and (word[0] < start + size or start == last):
            here.append(WordTime(*word[1:]))
            word = next(words, None)
        yield Sound(pcm[start : start + size], tuple(here))


class SpokenCache(Cache[Sound]):
    """Puts a memory before voices."""

    def __init__(self, tiers: Tiers, flights: Flights[Sound], *, max_age_s: float, enabled: bool = True) -> None:
        super().__init__(tiers, flights, max_age_s=max_age_s, enabled=enabled)

    def of(self, tenant: str, engine: TextToSpeech, identity: str, control: Control = USUAL) -> SpokenVoice:
        """Return the engine with a memory that is this tenant's alone; cheap, for one call or one request.

        ``identity`` tells the engine, its model and its options from all others. Without a memory it does as the engine.
        """
        return SpokenVoice(self, tenant, engine, identity, control)


class SpokenVoice(Remembering[Sound]):
    """Satisfies :class:`mediaserver.speech.TextToSpeech`, and what else the engine satisfies of warming and voices."""

    def __init__(
        self, cache: SpokenCache, tenant: str, engine: TextToSpeech, identity: str, control: Control = USUAL
    ) -> None:
        super().__init__(cache, control)
        self._tenant, self._identity = tenant, identity
        self._engine = engine
        for name in _PASSED:  # on the object itself, where Protocols that are checked at run time look
            if hasattr(engine, name):
                setattr(self, name, getattr(engine, name))

    @property
    def rate(self) -> int:
        """Hz."""
        return self._engine.rate

    @property
    def voices(self) -> tuple[str, ...]:
        """The engine's."""
        return self._engine.voices

    def key(self, text: str, voice: str = "", speed: float = 1.0, manner: Manner = PLAIN) -> str | None:
        """Return the name of a text spoken so; ``None`` where it has none and is not kept."""
        return spoken_key(self._tenant, self._identity, self.rate, text, voice, speed, manner)

    async def speak(
        self, text: str, *, voice: str = "", speed: float = 1.0, manner: Manner = PLAIN
    ) -> AsyncGenerator[Sound, None]:
        """Yield what is kept, without waiting; or what is being made for another; or what the engine makes.

        Closing the iterator stops the engine, unless another listens too. Raises BridgeError.
        """
        self.outcome = MISS
        key = self.key(text, voice, speed, manner) if self._cache.enabled else None
        if key is None:
            stream = self._engine.speak(text, voice=voice, speed=speed, manner=manner)
        elif kept := self._kept(self._near(key)):
            for sound in kept:
                yield sound
            return
        else:
            stream = self._shared(key, self._make(key, text, voice, speed, manner))
        try:
            async for sound in stream:
                yield sound
        finally:
            await close(stream)

    def _kept(self, entry: Entry | None) -> list[Sound]:
        found = [] if entry is None else sounds(entry, self.rate)
        if entry is not None and found:
            self._hit(entry)
        return found

    async def _make(self, key: str, text: str, voice: str, speed: float, manner: Manner) -> AsyncGenerator[Sound, None]:
        if kept := self._kept(await self._far(key)):
            for sound in kept:
                yield sound
            return
        self._missed()
        take, stream = _Take(), self._engine.speak(text, voice=voice, speed=speed, manner=manner)
        try:
            async for sound in stream:
                take.add(sound)
                yield sound
        finally:
            await close(stream)
        if not self._control.no_store:
            self._keep(key, take)

    def _keep(self, key: str, take: _Take) -> None:
        tiers = self._cache.tiers
        now = tiers.wall()
        if (made := take.entry(self.rate, now, now + self._cache.max_age_s)) is not None:
            tiers.keep(key, made)
