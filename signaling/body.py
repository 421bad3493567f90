"""The body of a request: read once, with limits of bytes and of time, and as text only where it is UTF-8."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from mediaserver.errors import BadRequest, TooLarge, UnsupportedMedia
from signaling.realtime.parse import parse_object

READ_S = 5.0
"""Seconds in which all of it has come."""

_READ = web.RequestKey("body", bytes)


async def read_json(request: web.Request, limit: int) -> dict[str, Any]:
    """Return the JSON object that is the body, ``{}`` for none. Raises UnsupportedMedia, TooLarge, BadRequest."""
    body = await read_bytes(request, limit)
    if not body.strip():
        return {}
    if request.content_type != "application/json":
        raise UnsupportedMedia("send the body as application/json")
    return parse_object(text_of(body, "body"))


async def read_bytes(request: web.Request, limit: int) -> bytes:
    """Return the body, also to those who ask after the first.

    Raises TooLarge before reading further than the limit, TimeoutError for one that does not come.
    """
    check_length(request, limit)
    if _READ not in request:
        async with asyncio.timeout(READ_S):
            request[_READ] = await take(request.content.readany, limit)
    if len(request[_READ]) > limit:
        raise TooLarge(f"more than {limit} bytes")
    return request[_READ]


def check_length(request: web.Request, limit: int) -> None:
    """Raise TooLarge for a body that says itself that it is longer."""
    if request.content_length is not None and request.content_length > limit:
        raise TooLarge(f"the request body is larger than {limit} bytes")


async def take(read: Callable[[], Awaitable[bytes]], limit: int) -> bytes:
    """Return all that ``read`` gives, which is nothing at the end. Raises TooLarge."""
    taken = bytearray()
    while chunk := await read():
        taken += chunk
        if len(taken) > limit:
            raise TooLarge(f"more than {limit} bytes")
    return bytes(taken)


def text_of(body: bytes, param: str | None = None) -> str:
    """Return the text. Raises BadRequest, which names ``param``, for what is not UTF-8."""
    try:
        return body.decode()
    except UnicodeError:
        raise BadRequest("this is not UTF-8 text", param=param) from None
