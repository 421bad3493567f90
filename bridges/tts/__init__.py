"""Engines that speak, by name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib import import_module
from typing import Any

from bridges import options
from bridges.row import Row
from bridges.tts import rest_options, streaming_options
from mediaserver.speech import TextToSpeech


@asynccontextmanager
async def _local(chosen: options.LocalVoice) -> AsyncIterator[TextToSpeech]:
    from bridges.local.voice import open_voice

    async with open_voice(chosen) as engine:
        yield engine


def _remote(module: str, opener: str) -> Callable[[Any], AbstractAsyncContextManager[TextToSpeech]]:
    """Return how a provider's engine is opened: by the function of that name in ``bridges.tts.<module>``."""

    @asynccontextmanager
    async def opened(chosen: Any) -> AsyncIterator[TextToSpeech]:
        async with getattr(import_module(f"bridges.tts.{module}"), opener)(chosen) as engine:
            yield engine

    return opened


TTS: dict[str, Row[TextToSpeech]] = {
    "local": Row(options.LocalVoice, _local),
    "elevenlabs": Row(streaming_options.ElevenLabsSpeech, _remote("elevenlabs", "open_elevenlabs")),
    "deepgram": Row(streaming_options.DeepgramSpeech, _remote("deepgram", "open_deepgram")),
    "openai": Row(rest_options.OpenAIVoice, _remote("openai", "open_openai")),
    "azure": Row(rest_options.AzureVoice, _remote("openai_compatible", "open_azure")),
    "groq": Row(rest_options.GroqVoice, _remote("openai_compatible", "open_groq")),
    "google": Row(rest_options.GoogleVoice, _remote("google", "open_google")),
    "azure_speech": Row(rest_options.AzureSpeechVoice, _remote("azure_speech", "open_azure_speech")),
    "openai_compatible": Row(rest_options.CompatibleVoice, _remote("openai_compatible", "open_compatible")),
}
