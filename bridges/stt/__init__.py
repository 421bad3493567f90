"""Engines that write down speech, by name: live for the chain, and files for the audio API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridges import options
from bridges.row import Row
from mediaserver.speech import SpeechToText


@asynccontextmanager
async def _local(chosen: options.LocalRecogniser) -> AsyncIterator[SpeechToText]:
    from bridges.local.recogniser import open_recogniser

    async with open_recogniser(chosen) as engine:
        yield engine


STT: dict[str, Row[SpeechToText]] = {
    "local": Row(options.LocalRecogniser, _local),
}
