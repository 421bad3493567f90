"""Engines that speak, by name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridges import options
from bridges.row import Row
from mediaserver.speech import TextToSpeech


@asynccontextmanager
async def _local(chosen: options.LocalVoice) -> AsyncIterator[TextToSpeech]:
    from bridges.local.voice import open_voice

    async with open_voice(chosen) as engine:
        yield engine


TTS: dict[str, Row[TextToSpeech]] = {
    "local": Row(options.LocalVoice, _local),
}
