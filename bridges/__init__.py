"""Every way out on one page: each ends in a :class:`mediaserver.bridge.Bridge` or in an engine of :mod:`mediaserver.speech`.

``PROVIDERS`` are bridges; ``STT``, ``LLM`` and ``TTS``, in their rooms, are the engines of the ``hybrid`` chain. A row is
what the thing can be told (a struct that refuses unknown keys) and how it is opened: opening owns what all its calls share
(worker processes, HTTP connections) until the context is left. Engines are imported when they are opened, so this page
costs nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bridges import options
from bridges.engines import ENGINES, Shelf, join, open_row, read_line, read_row
from bridges.row import Row
from mediaserver.bridge import Bridge, BridgeFactory
from mediaserver.speech import TextToSpeech

if TYPE_CHECKING:
    import httpx

    from bridges.codec import Codec
    from bridges.realtime import Dial

OpenRealtime = Callable[[Any], AbstractAsyncContextManager[BridgeFactory]]


@asynccontextmanager
async def _echo(chosen: options.Echo) -> AsyncIterator[BridgeFactory]:
    from bridges.echo import EchoBridge

    yield lambda model: EchoBridge()


@asynccontextmanager
async def _hybrid(chosen: options.Hybrid, shelf: Shelf | None = None, path: str = "") -> AsyncIterator[BridgeFactory]:
    from bridges.hybrid.bridge import HybridBridge
    from mediaserver.cache.key import engine_identity

    voice = engine_identity(chosen.tts)
    async with nullcontext(shelf) if shelf is not None else Shelf() as engines:
        stt = await engines.take("stt", chosen.stt, join(path, "stt"))
        llm = await engines.take("llm", chosen.llm, join(path, "llm"))
        tts = await engines.take("tts", chosen.tts, join(path, "tts"))

        def make(model: str) -> Bridge:
            return HybridBridge(stt, llm, tts, deadlines=chosen.deadlines, speculate=chosen.speculate, voice=voice)

        yield make


def _realtime(name: str, codec: str) -> OpenRealtime:
    """Return how a realtime provider is opened: one HTTP client for all its calls; a codec and a link for each.

    ``bridges.<name>`` holds its ``codec`` module with the class of that name, and its ``dial`` module.
    """

    @asynccontextmanager
    async def opened(chosen: Any) -> AsyncIterator[BridgeFactory]:
        import httpx

        from bridges.realtime import Patience, RealtimeBridge

        make_codec: Callable[[Any], Codec] = getattr(import_module(f"bridges.{name}.codec"), codec)
        dial: Callable[[Any, httpx.AsyncClient], Dial] = import_module(f"bridges.{name}.dial").dial
        patience = Patience(chosen.dial_s, chosen.connect_s, chosen.ready_s)
        async with httpx.AsyncClient(timeout=chosen.dial_s, follow_redirects=False) as http:
            calling = dial(chosen, http)

            def make(model: str) -> Bridge:
                return RealtimeBridge(make_codec(chosen), calling, patience=patience)

            yield make

    return opened


PROVIDERS: dict[str, Row[BridgeFactory]] = {
    "echo": Row(options.Echo, _echo),
    "hybrid": Row(options.Hybrid, _hybrid),
    "openai": Row(options.OpenAI, _realtime("openai", "OpenAICodec")),
    "azure": Row(options.Azure, _realtime("azure", "AzureCodec")),
    "xai": Row(options.Xai, _realtime("xai", "XaiCodec")),
    "gemini": Row(options.Gemini, _realtime("gemini", "GeminiCodec")),
    "elevenlabs": Row(options.ElevenLabs, _realtime("elevenlabs", "ElevenLabsCodec")),
    "ultravox": Row(options.Ultravox, _realtime("ultravox", "UltravoxCodec")),
    "deepgram": Row(options.DeepgramAgent, _realtime("deepgram", "DeepgramCodec")),
    "live": Row(options.GptLive, _realtime("live", "LiveCodec")),
}


def open_bridge(
    provider: str, settings: Mapping[str, Any] | None = None, path: str = "", shelf: Shelf | None = None
) -> AbstractAsyncContextManager[BridgeFactory]:
    """Open a provider of ``PROVIDERS``; inside the context the factory makes one bridge per call.

    ``settings`` are its options as configured; ``shelf`` has the engines that it shares with others. Raises ConfigError
    under ``path`` at once for an unknown provider, engine, key or type, inside for what cannot be opened so, and never
    repeats a value.
    """
    row, chosen = read_row(PROVIDERS, provider, settings or {}, path)
    if not isinstance(chosen, options.Hybrid):
        return open_row(row, chosen, path)
    for kind in ENGINES:
        read_line(kind, getattr(chosen, kind), join(path, kind))
    return _hybrid(chosen, shelf, path)


@asynccontextmanager
async def open_speaker(shelf: Shelf | None = None) -> AsyncIterator[TextToSpeech]:
    """Open the voice in which the server itself speaks: the embedded one, which needs no key and no network.

    Taken from ``shelf`` where a model has it open, so that no worker is started for it.
    """
    local = {"engine": "local"}
    async with nullcontext(shelf) if shelf is not None and shelf.has("tts", local) else Shelf() as engines:
        yield await engines.take("tts", local)
