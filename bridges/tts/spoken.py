"""Requests to a voice, one after the other, as one stream of sound."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing

from bridges.http import Http, Request
from bridges.tts.incoming import Incoming
from mediaserver.speech import Sound


async def spoken(
    http: Http, requests: Iterable[Request], incoming: Callable[[], Incoming]
) -> AsyncGenerator[Sound, None]:
    """Yield the sound of every answer as it comes. Closing the iterator closes the request. Raises BridgeError."""
    for request in requests:
        async with aclosing(_answer(http, request, incoming())) as sounds:
            async for sound in sounds:
                yield sound


async def _answer(http: Http, request: Request, incoming: Incoming) -> AsyncGenerator[Sound, None]:
    async with http.stream(request) as pieces:
        async for piece in pieces:
            if pcm := incoming.feed(piece):
                yield Sound(pcm)
    if rest := incoming.finish():
        yield Sound(rest)
