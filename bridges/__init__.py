"""Every way out on one page: each ends in a :class:`mediaserver.bridge.Bridge` or in an engine of :mod:`mediaserver.speech`.

``PROVIDERS`` are bridges; ``STT``, ``LLM`` and ``TTS`` are the engines of the ``hybrid`` chain. A row is what the thing can
be told (a struct that refuses unknown keys) and how it is opened: opening owns what all its calls share (worker processes,
HTTP connections) until the context is left. Engines are imported when they are opened, so this page costs nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from bridges import options
from mediaserver.bridge import Bridge, BridgeFactory
from mediaserver.errors import ConfigError
from mediaserver.speech import LanguageModel, SpeechToText, TextToSpeech

if TYPE_CHECKING:
    import httpx

    from bridges.codec import Codec
    from bridges.realtime import Dial

Made = TypeVar("Made")
OpenRealtime = Callable[[Any], AbstractAsyncContextManager[BridgeFactory]]


@dataclass(frozen=True, slots=True)
class Row(Generic[Made]):
    """One provider: the struct of its options, and how to open it with them."""

    options: type[msgspec.Struct]
    open: Callable[[Any], AbstractAsyncContextManager[Made]]


@asynccontextmanager
async def _echo(chosen: options.Echo) -> AsyncIterator[BridgeFactory]:
    from bridges.echo import EchoBridge

    yield lambda model: EchoBridge()


@asynccontextmanager
async def _hybrid(chosen: options.Hybrid) -> AsyncIterator[BridgeFactory]:
    from bridges.hybrid.bridge import HybridBridge

    async with AsyncExitStack() as engines:
        stt = await engines.enter_async_context(_engine(STT, chosen.stt))
        llm = await engines.enter_async_context(_engine(LLM, chosen.llm))
        tts = await engines.enter_async_context(_engine(TTS, chosen.tts))

        def make(model: str) -> Bridge:
            return HybridBridge(stt, llm, tts, deadlines=chosen.deadlines)

        yield make


def _realtime(codec: Callable[[Any], Codec], dial: Callable[[Any, httpx.AsyncClient], Dial]) -> OpenRealtime:
    """Return how a realtime provider is opened: one HTTP client for all its calls; a codec and a link for each."""

    @asynccontextmanager
    async def opened(chosen: Any) -> AsyncIterator[BridgeFactory]:
        import httpx

        from bridges.realtime import Patience, RealtimeBridge

        patience = Patience(chosen.dial_s, chosen.connect_s, chosen.ready_s)
        async with httpx.AsyncClient(timeout=chosen.dial_s, follow_redirects=False) as http:
            calling = dial(chosen, http)

            def make(model: str) -> Bridge:
                return RealtimeBridge(codec(chosen), calling, patience=patience)

            yield make

    return opened


@asynccontextmanager
async def _deepgram(chosen: options.DeepgramAgent) -> AsyncIterator[BridgeFactory]:
    from bridges.deepgram.codec import DeepgramCodec
    from bridges.deepgram.dial import dial

    async with _realtime(DeepgramCodec, dial)(chosen) as make:
        yield make


@asynccontextmanager
async def _live(chosen: options.GptLive) -> AsyncIterator[BridgeFactory]:
    from bridges.live.codec import LiveCodec
    from bridges.live.dial import dial

    async with _realtime(LiveCodec, dial)(chosen) as make:
        yield make


@asynccontextmanager
async def _gemini(chosen: options.Gemini) -> AsyncIterator[BridgeFactory]:
    from bridges.gemini.codec import GeminiCodec
    from bridges.gemini.dial import dial

    async with _realtime(GeminiCodec, dial)(chosen) as make:
        yield make


@asynccontextmanager
async def _elevenlabs(chosen: options.ElevenLabs) -> AsyncIterator[BridgeFactory]:
    from bridges.elevenlabs.codec import ElevenLabsCodec
    from bridges.elevenlabs.dial import dial

    async with _realtime(ElevenLabsCodec, dial)(chosen) as make:
        yield make


@asynccontextmanager
async def _ultravox(chosen: options.Ultravox) -> AsyncIterator[BridgeFactory]:
    from bridges.ultravox.codec import UltravoxCodec
    from bridges.ultravox.dial import dial

    async with _realtime(UltravoxCodec, dial)(chosen) as make:
        yield make


@asynccontextmanager
async def _openai(chosen: options.OpenAI) -> AsyncIterator[BridgeFactory]:
    from bridges.openai.codec import OpenAICodec
    from bridges.openai.dial import dial

    async with _realtime(OpenAICodec, dial)(chosen) as make:
        yield make


@asynccontextmanager
async def _azure(chosen: options.Azure) -> AsyncIterator[BridgeFactory]:
    from bridges.azure.codec import AzureCodec
    from bridges.azure.dial import dial

    async with _realtime(AzureCodec, dial)(chosen) as make:
        yield make


@asynccontextmanager
async def _xai(chosen: options.Xai) -> AsyncIterator[BridgeFactory]:
    from bridges.xai.codec import XaiCodec
    from bridges.xai.dial import dial

    async with _realtime(XaiCodec, dial)(chosen) as make:
        yield make


@asynccontextmanager
async def _local_recogniser(chosen: options.LocalRecogniser) -> AsyncIterator[SpeechToText]:
    from bridges.local.recogniser import open_recogniser

    async with open_recogniser(chosen) as engine:
        yield engine


@asynccontextmanager
async def _local_responder(chosen: options.LocalResponder) -> AsyncIterator[LanguageModel]:
    from bridges.local.responder import Responder

    yield Responder()


@asynccontextmanager
async def _openai_compatible(chosen: options.OpenAICompatible) -> AsyncIterator[LanguageModel]:
    from bridges.llm.openai_compatible import open_chat

    async with open_chat(chosen) as engine:
        yield engine


@asynccontextmanager
async def _local_voice(chosen: options.LocalVoice) -> AsyncIterator[TextToSpeech]:
    from bridges.local.voice import open_voice

    async with open_voice(chosen) as engine:
        yield engine


PROVIDERS: dict[str, Row[BridgeFactory]] = {
    "echo": Row(options.Echo, _echo),
    "hybrid": Row(options.Hybrid, _hybrid),
    "openai": Row(options.OpenAI, _openai),
    "azure": Row(options.Azure, _azure),
    "xai": Row(options.Xai, _xai),
    "gemini": Row(options.Gemini, _gemini),
    "elevenlabs": Row(options.ElevenLabs, _elevenlabs),
    "ultravox": Row(options.Ultravox, _ultravox),
    "deepgram": Row(options.DeepgramAgent, _deepgram),
    "live": Row(options.GptLive, _live),
}
STT: dict[str, Row[SpeechToText]] = {
    "local": Row(options.LocalRecogniser, _local_recogniser),
}
LLM: dict[str, Row[LanguageModel]] = {
    "local": Row(options.LocalResponder, _local_responder),
    "openai_compatible": Row(options.OpenAICompatible, _openai_compatible),
}
TTS: dict[str, Row[TextToSpeech]] = {
    "local": Row(options.LocalVoice, _local_voice),
}


_ENGINES: dict[str, Mapping[str, Row[Any]]] = {"stt": STT, "llm": LLM, "tts": TTS}


def open_bridge(
    provider: str, settings: Mapping[str, Any] | None = None, path: str = ""
) -> AbstractAsyncContextManager[BridgeFactory]:
    """Open a provider of ``PROVIDERS``; inside the context the factory makes one bridge per call.

    ``settings`` are its options as configured. Raises ConfigError under ``path`` at once for an unknown provider, engine,
    key or type, and never repeats a value.
    """
    row, chosen = _read(PROVIDERS, provider, settings or {}, path)
    if isinstance(chosen, options.Hybrid):
        for kind, table in _ENGINES.items():
            _read_engine(table, getattr(chosen, kind), _join(path, kind))
    return row.open(chosen)


def open_speaker() -> AbstractAsyncContextManager[TextToSpeech]:
    """Open the voice in which the server itself speaks: the embedded one, which needs no key and no network."""
    return _engine(TTS, {"engine": "local"})


def _engine(table: Mapping[str, Row[Made]], settings: Mapping[str, Any]) -> AbstractAsyncContextManager[Made]:
    row, chosen = _read_engine(table, settings, "")
    return row.open(chosen)


def _read_engine(
    table: Mapping[str, Row[Made]], settings: Mapping[str, Any], path: str
) -> tuple[Row[Made], msgspec.Struct]:
    told = dict(settings)
    return _read(table, told.pop("engine", "local"), told, path)


def _read(
    table: Mapping[str, Row[Made]], name: str, settings: Mapping[str, Any], path: str
) -> tuple[Row[Made], msgspec.Struct]:
    row = table.get(name)
    if row is None:
        raise ConfigError(path, f"no such provider or engine; there are {', '.join(table)}")
    try:
        return row, msgspec.convert(settings, row.options)
    except msgspec.ValidationError as problem:
        what, _, where = str(problem).partition(" - at `$.")
        raise ConfigError(_join(path, where.rstrip("`")), what) from None


def _join(path: str, key: str) -> str:
    return ".".join(part for part in (path, key) if part)
