"""Any server with ``POST {url}/audio/transcriptions`` in the shape of OpenAI: OpenAI, Azure, Groq, and one's own.

Source: OpenAI API reference, "Create transcription", "Create translation".
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace

from msgspec import structs

from bridges.http import Http, Request, open_http
from bridges.refusals import said
from bridges.sse import EventData
from bridges.stt.abilities import abilities
from bridges.stt.answers import Events, whole
from bridges.stt.asked import check
from bridges.stt.bounded import bounded
from bridges.stt.by_utterance import ByUtterance
from bridges.stt.form import form
from bridges.stt.options import OpenAIShape
from bridges.stt.servers import Server, server
from mediaserver.errors import BridgeError, Unsupported
from mediaserver.items import Usage
from mediaserver.speech import FileAsk, FileFeature, FileLimits, FileTranscript, SoundFile

WHO = "the transcription"
_DRAIN_S = 0.2


class OpenAITranscriber:
    """Satisfies :class:`mediaserver.speech.FileToText`; closing the iterator closes the request: the far end stops."""

    def __init__(self, http: Http, chosen: OpenAIShape, there: Server) -> None:
        self._http, self._chosen, self._server = http, chosen, there
        self._can = abilities(chosen.like or there.model)

    @property
    def file_limits(self) -> FileLimits:
        """What one request may hold."""
        return FileLimits(self._chosen.max_bytes, self._can.max_seconds)

    @property
    def file_features(self) -> frozenset[FileFeature]:
        """What may be asked for."""
        return self._can.features

    async def warm(self) -> None:
        """Connect ahead of the first request."""
        await self._http.warm()

    async def transcribe(self, sound: SoundFile, ask: FileAsk) -> AsyncGenerator[str | FileTranscript, None]:
        """Yield text as it is written, where the model streams it, and the whole transcript last. Raises BridgeError."""
        check(ask, self._can.features, WHO)
        if ask.translate and ask.words:
            raise Unsupported(f"{WHO} has no times of words for a translation")
        wanted = form(sound, self._spoken(ask), self._server.model, self._can)
        request = Request("POST", wanted.path, params=self._server.params, data=wanted.fields, files=wanted.files)
        async with self._http.stream(request) as pieces, aclosing(_answer(pieces, wanted.events)) as answer:
            async for piece in answer:
                yield piece if isinstance(piece, str) else self._counted(piece, sound)

    def _spoken(self, ask: FileAsk) -> FileAsk:
        return ask if ask.language else replace(ask, language=self._chosen.language)

    def _counted(self, transcript: FileTranscript, sound: SoundFile) -> FileTranscript:
        """Count the seconds where the provider counts nothing."""
        if transcript.usage is not None:
            return transcript
        return replace(transcript, usage=Usage(seconds=max(sound.duration, self._server.least_s)))


async def _answer(pieces: AsyncGenerator[bytes, None], events: bool) -> AsyncGenerator[str | FileTranscript, None]:
    """Read a stream of events, or a whole answer, which some servers give to who asked for a stream."""
    async with aclosing(bounded(pieces, WHO)) as body:
        first = await anext(body, b"")
        if not events or first.lstrip().startswith(b"{"):
            yield whole(first + b"".join([piece async for piece in body]))
            return
        told = Events()
        async with aclosing(_data(first, body)) as lines:
            async for data in lines:
                if added := told.take(data):
                    yield added
                if told.transcript is not None:
                    break
        if told.transcript is None:
            raise BridgeError(f"{WHO} broke off", code="connection_lost")
        await _drain(body)
        yield told.transcript


async def _data(first: bytes, pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[str, None]:
    lines = EventData()
    for data in lines.feed(first):
        yield data
    async for piece in pieces:
        for data in lines.feed(piece):
            yield data
    for data in lines.finish():
        yield data


async def _drain(pieces: AsyncGenerator[bytes, None]) -> None:
    """Read the end of the body, which should be there: only then the connection can be used again."""
    with suppress(TimeoutError, BridgeError):
        async with asyncio.timeout(_DRAIN_S):
            async for _ in pieces:
                continue


@asynccontextmanager
async def open_transcriber(chosen: OpenAIShape) -> AsyncIterator[ByUtterance]:
    """Open the connections to a server; they are kept alive between answers and closed with the context."""
    there = server(chosen)
    at = structs.replace(chosen, url=there.base_url)
    async with open_http(at, "", headers=there.headers, who=WHO, said=said) as http:
        yield ByUtterance(OpenAITranscriber(http, chosen, there), chosen)
