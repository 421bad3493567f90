"""An engine that hears over WebSockets and takes files over HTTP: what Deepgram and ElevenLabs Scribe have in common."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from bridges.http import Http, Request, Said, open_http
from bridges.stt.asked import check
from bridges.stt.live import RATE, Live, LiveUtterance
from bridges.stt.sockets import Kind, open_sockets
from bridges.stt.streaming_options import Streaming
from mediaserver.speech import FileAsk, FileFeature, FileLimits, FileTranscript, Partial, SoundFile

WHO = "the recogniser"


@dataclass(frozen=True, slots=True)
class Files:
    """The provider's way with files: what it takes, what is asked, and what is read of the answer (raises BridgeError)."""

    limits: FileLimits
    features: frozenset[FileFeature]
    request: Callable[[SoundFile, FileAsk], Request]
    read: Callable[[bytes, SoundFile, FileAsk], FileTranscript]


@dataclass(frozen=True, slots=True)
class Provider:
    """Where and how: ``api`` is the vendor's base address, ``dial`` says which sockets suit a language."""

    api: str
    headers: Mapping[str, str]
    dial: Callable[[str | None], Kind]
    files: Files
    said: Said


class StreamingEngine:
    """Satisfies :class:`mediaserver.speech.Transcriber`."""

    def __init__(self, live: Live, http: Http, files: Files) -> None:
        self._live = live
        self._http = http
        self._files = files

    @property
    def rate(self) -> int:
        """Hz."""
        return RATE

    async def warm(self) -> None:
        """Begin to open a socket; a failure is left to the first turn."""
        self._live.warm()

    def utterance(
        self, on_partial: Callable[[Partial], None], *, language: str | None = None, prompt: str = ""
    ) -> AbstractAsyncContextManager[LiveUtterance]:
        """Open one turn, without a wait."""
        return self._live.utterance(on_partial, language=language, prompt=prompt)

    @property
    def file_limits(self) -> FileLimits:
        """The provider's."""
        return self._files.limits

    @property
    def file_features(self) -> frozenset[FileFeature]:
        """What the provider has a word for."""
        return self._files.features

    async def transcribe(self, sound: SoundFile, ask: FileAsk) -> AsyncIterator[str | FileTranscript]:
        """Yield the transcript. Raises BridgeError; Unsupported for what the provider cannot do."""
        check(ask, self._files.features, WHO)
        body = await self._http.ask(self._files.request(sound, ask))
        yield self._files.read(body, sound, ask)


@asynccontextmanager
async def open_engine(chosen: Streaming, provider: Provider) -> AsyncIterator[StreamingEngine]:
    """Open the engine: its HTTP client and its sockets, none of which connects yet."""
    client = open_http(chosen, provider.api, headers=provider.headers, who=WHO, said=provider.said)
    async with client as http, open_sockets(chosen) as sockets:
        yield StreamingEngine(Live(sockets, chosen, provider.dial), http, provider.files)
