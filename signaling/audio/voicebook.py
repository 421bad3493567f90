"""Which voices there are: those that an engine names, and those that its provider lists, remembered for a while."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from mediaserver.clock import Clock, monotonic
from mediaserver.errors import BadRequest, BridgeError
from mediaserver.speech import TextToSpeech, VoiceCloning, VoiceFacts, VoiceList

log = logging.getLogger(__name__)

KEPT_S = 300.0
MOST_NAMED = 60
"""Voices that a refusal lists."""


@dataclass(frozen=True, slots=True)
class _Page:
    voices: tuple[VoiceFacts, ...]
    until: float


class VoiceBook:
    """The voices of all models; ``aliases`` are other names for them."""

    def __init__(self, aliases: Mapping[str, str], clock: Clock = monotonic) -> None:
        self._aliases = aliases
        self._clock = clock
        self._pages: dict[str, _Page] = {}

    async def voices(self, model: str, engine: TextToSpeech) -> Sequence[VoiceFacts]:
        """Return all voices of a model. Raises BridgeError."""
        page = self._pages.get(model)
        if page is None or page.until <= self._clock():
            page = self._pages[model] = _Page(await _asked(engine), self._clock() + KEPT_S)
        return page.voices

    async def some(self, model: str, engine: TextToSpeech) -> Sequence[VoiceFacts]:
        """Return the voices of a model, those that the engine names where its provider does not answer."""
        try:
            return await self.voices(model, engine)
        except BridgeError as problem:
            log.warning("a provider does not list its voices", extra={"model": model, "code": problem.code})
            return _named(engine)

    def forget(self, model: str) -> None:
        """A voice was made or deleted."""
        self._pages.pop(model, None)

    async def choose(self, model: str, engine: TextToSpeech, asked: str, *, made: bool = False) -> str:
        """Return the engine's own name for the voice that a client means; empty for the engine's first.

        ``made``: the client says that it is the id of a voice that was made, which not every provider lists. Where nothing
        is known of an engine's voices, any name is the engine's affair. Raises BadRequest, which lists voices; BridgeError.
        """
        if not asked or asked in engine.voices:
            return asked
        alias = self._aliases.get(asked, asked)
        if alias in engine.voices:
            return alias
        if made and alias == asked and cloner(engine) is not None:
            return asked
        known = await self.voices(model, engine)
        if not known:
            return alias
        for facts in known:
            if facts.id in (asked, alias) or (facts.name and facts.name.lower() == asked.lower()):
                return facts.id
        raise _no_voice(asked, model, [facts.id for facts in known])


def lister(engine: TextToSpeech) -> VoiceList | None:
    """Return the engine as one that lists its voices, where it can."""
    return cast(VoiceList, engine) if hasattr(engine, "list_voices") else None


def cloner(engine: TextToSpeech) -> VoiceCloning | None:
    """Return the engine as one that makes voices, where it can."""
    return cast(VoiceCloning, engine) if hasattr(engine, "clone_voice") else None


async def _asked(engine: TextToSpeech) -> tuple[VoiceFacts, ...]:
    listing = lister(engine)
    if listing is not None:
        return tuple(await listing.list_voices())
    return _named(engine)


def _named(engine: TextToSpeech) -> tuple[VoiceFacts, ...]:
    return tuple(VoiceFacts(name, name) for name in engine.voices)


def _no_voice(asked: str, model: str, known: Sequence[str]) -> BadRequest:
    more = f" and {len(known) - MOST_NAMED} more" if len(known) > MOST_NAMED else ""
    said = asked[:100]
    return BadRequest(
        f"the model '{model}' has no voice '{said}'; there are: {', '.join(known[:MOST_NAMED])}{more}. Ask for one of these,"
        f" or let the server's configuration give one the name as well: audio: {{voice_aliases: {{{said}: …}}}}",
        code="voice_not_found",
        param="voice",
    )
