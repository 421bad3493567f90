"""Every voice behind HTTP against its simulator, opened by its row of the table as a server opens it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from bridges.tts import TTS
from mediaserver.speech import PLAIN, Manner, TextToSpeech
from tests.servers.azure_speech import azure_speech
from tests.servers.google_texttospeech import google_texttospeech
from tests.servers.openai_speech import openai_speech
from tests.servers.speaking import Speaking

Serve = Callable[..., AbstractAsyncContextManager[Any]]


@dataclass(frozen=True)
class Engine:
    """A row, its simulator and what both are told. ``whole``: an answer is one JSON object, not a stream."""

    row: str
    serve: Serve
    served: dict[str, Any]
    told: dict[str, Any]
    whole: bool = False

    @asynccontextmanager
    async def open(self, server: Speaking, **told: Any) -> AsyncIterator[TextToSpeech]:
        """Open the engine with the simulator as its provider."""
        url = server.url.removesuffix("/v1") if self.row == "azure" else server.url
        settings = {"engine": self.row, "url": url, "key": "sk-1", **self.told, **told}
        async with open_tts(settings) as engine:
            yield engine


ENGINES = [
    Engine("openai", openai_speech, {}, {}),
    Engine("azure", openai_speech, {}, {"model": "my-tts"}),
    Engine("groq", openai_speech, {"kind": "groq"}, {}),
    Engine("openai_compatible", openai_speech, {"kind": "compatible"}, {}),
    Engine("google", google_texttospeech, {}, {}, whole=True),
    Engine("azure_speech", azure_speech, {}, {}),
]


def open_tts(settings: Mapping[str, Any]) -> AbstractAsyncContextManager[TextToSpeech]:
    """Open a row of the table by what a configuration says of it."""
    row = TTS[settings["engine"]]
    told = {name: value for name, value in settings.items() if name != "engine"}
    return row.open(msgspec.convert(told, row.options))


async def said(
    engine: TextToSpeech, text: str, *, voice: str = "", speed: float = 1.0, manner: Manner = PLAIN
) -> bytes:
    """Return all the sound of a text."""
    return b"".join([sound.pcm async for sound in engine.speak(text, voice=voice, speed=speed, manner=manner)])
