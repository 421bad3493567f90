"""``POST /v1/audio/speech``: a text becomes sound, sent as it is made (OpenAI API reference, "Create speech").

What fails before the first sound is an error of its own. Later the connection is cut, so that no client takes half of the
sound for all of it; a stream of events says what happened.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, NoReturn

from aiohttp import web
from msgspec.structs import replace

from mediaserver.audio.speechfile import FORMATS
from mediaserver.cache.control import read_control
from mediaserver.errors import BadRequest, BridgeError, TooSlow, UnsupportedMedia
from mediaserver.gateway.principal import Principal
from signaling.audio.entering import answered, enter
from signaling.audio.failures import FAILURES, error_event
from signaling.audio.sse import event, event_stream
from signaling.audio.studio import Speaking, Studio
from signaling.audio.voicing import voiced
from signaling.audio.wish import read_wish
from signaling.body import read_bytes
from signaling.door import DOOR

log = logging.getLogger(__name__)

MAX_BODY = 8 * 1024 * 1024
"""Bytes: a million characters however they are written, so that a text that is too long is told so in characters."""

Made = AsyncGenerator[bytes, None]


async def speak(request: web.Request) -> web.StreamResponse:
    """Speak a text."""
    who, studio = enter(request)
    with studio.speaking.entered():
        return await answered(request, who, _spoken(request, who, studio))


async def _spoken(request: web.Request, who: Principal, studio: Studio) -> web.StreamResponse:
    if request.content_type != "application/json":
        raise UnsupportedMedia("send the body as application/json")
    wish = read_wish(await body_of(request), studio.config.max_characters)
    wish = replace(wish, model=request.match_info.get("deployment", wish.model))
    async with asyncio.timeout(studio.config.answer_s):
        control = read_control(request.headers.get("Cache-Control", ""))
        speaking = await studio.speaker(who, wish, control)
        if wish.stream_format == "url":
            return await _linked(request, who, studio, speaking, anew=control.no_cache)
        async with aclosing(voiced(speaking.engine, wish, speaking.voice, speaking.preset, studio.encoding)) as made:
            first = await anext(made, b"")
            if not first:
                raise nothing_spoken()
            return await (_events if wish.stream_format == "sse" else _sound)(request, speaking, first, made)


async def _linked(
    request: web.Request, who: Principal, studio: Studio, speaking: Speaking, *, anew: bool
) -> web.Response:
    """Answer with an address under which the file can be fetched without a key until it expires."""
    house, key, wish = request.app[DOOR].house, speaking.key, speaking.wish
    if house is None or house.links is None or key is None:
        raise BadRequest(
            "there are no addresses of such files: leave 'stream_format' out",
            code="links_unavailable",
            param="stream_format",
        )

    async def make() -> bytes:
        async with aclosing(voiced(speaking.engine, wish, speaking.voice, speaking.preset, studio.encoding)) as made:
            return b"".join([piece async for piece in made]) or _nothing()

    origin = str(request.url.origin())
    link = await house.links.link_for(who.name, key, wish.response_format, make, origin=origin, anew=anew)
    return web.json_response({"object": "audio.link", "url": link.url, "expires_at": link.expires_at})


def _nothing() -> NoReturn:
    raise nothing_spoken()


async def body_of(request: web.Request) -> bytes:
    """Return the body. Raises TooLarge, TooSlow."""
    try:
        return await read_bytes(request, MAX_BODY)
    except TimeoutError:
        raise TooSlow("the body did not come in time") from None


def nothing_spoken() -> BadRequest:
    """Return the refusal of a text that no sound can be made of."""
    return BadRequest("there is nothing in 'input' that can be spoken: send words", code="empty_string", param="input")


async def _sound(request: web.Request, speaking: Speaking, first: bytes, made: Made) -> web.StreamResponse:
    content_type = {"Content-Type": FORMATS[speaking.wish.response_format]}
    response = web.StreamResponse(headers=content_type | speaking.headers)
    await response.prepare(request)
    try:
        await response.write(first)
        async for piece in made:
            await response.write(piece)
    except FAILURES as problem:
        _log_cut(problem)
        if request.transport is not None:
            request.transport.abort()
        return response
    await response.write_eof()
    return response


async def _events(request: web.Request, speaking: Speaking, first: bytes, made: Made) -> web.StreamResponse:
    response = event_stream()
    response.headers.update(speaking.headers)
    await response.prepare(request)
    try:
        await response.write(_delta(first))
        async for piece in made:
            await response.write(_delta(piece))
        last: dict[str, Any] = {"type": "speech.audio.done", "usage": _NOT_COUNTED}
    except FAILURES as problem:
        _log_cut(problem)
        last = error_event(problem)
    await response.write(event(last))
    await response.write_eof()
    return response


_NOT_COUNTED = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
"""The contract wants tokens here, and engines that speak count none."""


def _delta(piece: bytes) -> bytes:
    return event({"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()})


def _log_cut(problem: Exception) -> None:
    code = problem.code if isinstance(problem, BridgeError) else type(problem).__name__
    log.warning("speech broke off", extra={"code": code})
